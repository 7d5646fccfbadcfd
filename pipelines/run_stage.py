"""Runs one stage by itself, for containers, Kubeflow Pipelines, Slurm, or by hand.

  nst pipeline run-stage --stage=pipelines.stages.trainer:Trainer --config='{"epochs": 5}'
      --input=examples=FOLDER --output=model=FOLDER --record=FILE

Inputs and outputs are folders. An output appears whole, when the stage is done; there must be nothing there
before. Optional inputs may be left out. Prints what the stage tells of its work as JSON, or writes it to
--record.
"""

import importlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.errors import InputError, require_choice
from nst_keras.fields import Settings, parse_settings, setting
from nst_keras.storage.files import write_whole
from pipelines.engine.stage import Context, Folders, Parameter, Stage, Stopped

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class StageSettings(Settings):
    """Which stage runs, and how."""

    stage: str = setting("", "MODULE:NAME of the stage.")
    config: str = setting("{}", "Fields of its config as a JSON object.")
    record: str = setting("", "File for what it tells of its work.")
    scratch: str = setting("", "Folder for unfinished work, from which the same command goes on.")
    dask_scheduler: str = setting("", "Run its tasks on this Dask cluster: tcp://HOST:PORT.")


FLAGS = field_flags.flags_of(StageSettings)
INPUT = flags.DEFINE_multi_string("input", [], "NAME=FOLDER; several times.", flag_values=FLAGS)
OUTPUT = flags.DEFINE_multi_string("output", [], "NAME=FOLDER; several times.", flag_values=FLAGS)


@common.command(__doc__, FLAGS, first=["stage", "config", "input", "output"])
def main() -> int:
    """Entry point of `nst pipeline run-stage`."""
    settings = field_flags.parsed(StageSettings, FLAGS)
    stage = load_stage(settings.stage)
    config = read_config(stage, settings.config)
    inputs = _folders("input", INPUT.value, stage.inputs)
    outputs = _folders("output", OUTPUT.value, stage.outputs)
    common.import_tensorflow_quietly()
    from pipelines.engine.execution.console import RunConsole
    from pipelines.engine.execution.mapping import open_map

    scratch = Path(settings.scratch or tempfile.mkdtemp(prefix="nst_keras-")).resolve()
    try:
        with RunConsole() as console, open_map("local", settings.dask_scheduler, console.say) as mapping:
            console.begin(f"[1/1] {stage.name}")
            record = run_stage(stage, config, console.context(mapping, scratch), inputs, outputs)
    except Stopped:
        return 128 + console.received
    finally:
        if not settings.scratch:
            shutil.rmtree(scratch, ignore_errors=True)
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    if settings.record:
        Path(settings.record).parent.mkdir(parents=True, exist_ok=True)
        write_whole(settings.record, text.encode())
    else:
        print(text, end="", flush=True)
    return 0


def load_stage(address: str) -> Stage:
    """Finds a stage by `MODULE:NAME`, where the name is the stage's or its function's."""
    module, _, name = address.partition(":")
    try:
        members = vars(importlib.import_module(module)).values() if module else ()
    except ModuleNotFoundError as error:
        raise InputError(f"stage must be MODULE:NAME ({error}). Received: stage={address}") from error
    for stage in members:
        if isinstance(stage, Stage) and name in (stage.name, stage.function.__qualname__):
            return stage
    raise InputError(
        f"stage must be MODULE:NAME, such as pipelines.stages.trainer:Trainer. Received: stage={address}"
    )


def read_config(stage: Stage, text: str) -> "DataclassInstance":
    """Makes a stage's config of a JSON object."""
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"config must be a JSON object ({error}). Received: config={text}") from error
    if not isinstance(values, dict):
        raise InputError(f"config must be a JSON object. Received: config={text}")
    try:
        return parse_settings(stage.config, values)
    except InputError as error:
        raise InputError(f"config of {stage.name}: {error}") from error


def _folders(flag: str, values: Sequence[str], parameters: Mapping[str, Parameter]) -> dict[str, Path]:
    folders = {}
    for text in values:
        name, _, path = text.partition("=")
        require_choice(f"{flag}'s name", name, parameters)
        if not path:
            raise InputError(f"{flag} must be NAME=FOLDER. Received: {flag}={text}")
        folders[name] = Path(path)
    for name, parameter in parameters.items():
        if name not in folders and not parameter.optional:
            raise InputError(f"{flag} must give {name}=FOLDER ({parameter.kind.__name__})")
    return folders


def run_stage(
    stage: Stage, config: "DataclassInstance", context: Context, inputs: Folders, outputs: Folders
) -> dict[str, Any]:
    """Runs a stage once, and returns what it tells of its work.

    The outputs' folders, absent or empty before, appear when it is done; then the scratch folder goes.
    """
    for path in inputs.values():
        if not path.is_dir():
            raise InputError(f"{path}: must be an artifact's folder, but does not exist")
    for path in outputs.values():
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise InputError(f"{path}: is there already; an output must be a folder that is new or empty")
    # Beside their places, so that a rename is enough at the end.
    places = {name: path.resolve() for name, path in outputs.items()}
    unfinished = {name: place.with_name(f".{place.name}.unfinished") for name, place in places.items()}
    record = stage.run(config, context, inputs, unfinished)
    for name, place in places.items():
        unfinished[name].rename(place)
    shutil.rmtree(context.scratch, ignore_errors=True)
    return record


if __name__ == "__main__":
    main()
