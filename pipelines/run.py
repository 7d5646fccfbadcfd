"""Runs a pipeline: each stage once, and what is finished is never done again.

  nst pipeline run --pipeline=classifier --pipeline_root=runs/classifier --serving_dir=saved_models
  nst pipeline run --pipeline=classifier --set=Trainer.learning_rate=0.01
  nst pipeline run --pipeline=my_pipeline.py --until=Trainer

Pipelines: classifier, fine_tuning, stylizer, style_transfer, or a Python file of yours with a function
`pipeline(serving_dir)`. A run that was stopped or killed goes on with the same command. Prints where the
report of the run is. Exit code 3: a stage refused the model, so that it wasn't pushed.
"""

import contextlib
import importlib
import importlib.util
import re
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from absl import flags

from nst_keras import __version__
from nst_keras.cli import common, field_flags
from nst_keras.errors import InputError, did_you_mean
from nst_keras.fields import Settings, choice, setting
from pipelines.engine.choices import change_configs, choose_nodes, require_nodes
from pipelines.engine.code.sources import SourceCache, sources_path
from pipelines.engine.execution.console import RunConsole
from pipelines.engine.execution.runner import Choice, Runner
from pipelines.engine.stage import Node, Pipeline, Stopped
from pipelines.engine.store.store import opened
from pipelines.kinds import refusals

REFUSED = 3  # exit code if a stage refused the model
READY = ("classifier", "fine_tuning", "stylizer", "style_transfer")


@dataclass(frozen=True)
class RunSettings(Settings):
    """What runs, where, and how much of it."""

    pipeline: str = setting("", f"{', '.join(READY)}, or a Python file.", READY)
    pipeline_root: str = setting("", "Folder of artifacts and metadata; empty is runs/PIPELINE.")
    serving_dir: str = setting("saved_models", "Where models are pushed to.")
    list: bool = setting(False, "Show stages and configs, and run nothing.")
    until: str = setting("", "Run this stage and all that it needs.")
    only: tuple[str, ...] = setting((), "Run these stages alone.")
    fresh: tuple[str, ...] = setting((), "Run these stages though nothing has changed.")
    verify: bool = setting(False, "Read every file, of reused artifacts, of data from outside and of code.")
    runner: str = choice("local", "Where stages run tasks", ("local", "dask"))
    dask_scheduler: str = setting("", "Run them on this Dask cluster: tcp://HOST:PORT.")

    def __post_init__(self) -> None:
        """Checks every value."""
        super().__post_init__()
        if not self.pipeline:
            raise InputError(f"pipeline must be given: {', '.join(READY)}, or a Python file")


FLAGS = field_flags.flags_of(RunSettings)
SET = flags.DEFINE_multi_string(
    "set",
    [],
    "STAGE.FIELD=VALUE: changes a stage's config; may be given several times.",
    flag_values=FLAGS,
)
FROM = flags.DEFINE_string("from", "", "Run this stage and all that need it.", flag_values=FLAGS)


@common.command(
    __doc__, FLAGS, first=["pipeline", "pipeline_root", "serving_dir", "set", "list", "from", "until"]
)
def main() -> int:
    """Entry point of `nst pipeline run`."""
    settings = field_flags.parsed(RunSettings, FLAGS)
    with field_flags.naming_flags():
        pipeline = change_configs(load_pipeline(settings.pipeline, Path(settings.serving_dir)), SET.value)
        chosen = choose_nodes(pipeline, FROM.value or "", settings.until, settings.only)
        require_nodes(pipeline, "fresh", settings.fresh)
    if settings.list:
        print(describe(pipeline))
        return 0
    return _run(pipeline, settings, Choice(chosen, frozenset(settings.fresh), settings.verify))


def _run(pipeline: Pipeline, settings: RunSettings, chosen: Choice) -> int:
    from pipelines.engine.execution.mapping import open_map
    from pipelines.reports.run_page import write_report

    sources = SourceCache(sources_path())
    try:
        with (
            RunConsole() as console,
            opened(Path(settings.pipeline_root or f"runs/{pipeline.name}")) as store,
            open_map(settings.runner, settings.dask_scheduler, console.say) as mapping,
        ):

            def start(node: Node) -> None:
                """Stages import TensorFlow inside their functions, with notes that would tear the line."""
                if not (settings.dask_scheduler and node.stage.hands_out):
                    common.import_tensorflow_quietly()

            runner = Runner(
                pipeline, store, console, mapping, chosen, None if settings.verify else sources, start
            )
            try:
                runner.run(common.command_line(), __version__)
            except BaseException as error:
                # Why the run ended must be told even if its report can't be written.
                with contextlib.suppress(InputError, OSError, sqlite3.Error):
                    console.say(f"report: {write_report(store, runner.run_id)}")
                if isinstance(error, InputError):
                    raise _by_flags(error, REFUSED if _refusals(runner) else error.exit_code) from error
                raise
            console.finished(write_report(store, runner.run_id))
            for sentence in _refusals(runner):
                console.say(f"refused: {sentence}")
            return REFUSED if _refusals(runner) else 0
    except Stopped:
        return console.stopped("the same command goes on from here")
    finally:
        sources.keep()


def _refusals(runner: Runner) -> list[str]:
    """Why this run refused the model, if it did."""
    return refusals({name: node.record for name, node in runner.results.items() if not node.left_alone})


def _by_flags(error: InputError, code: int) -> InputError:
    """The same error with the flag for what it says to set, and an exit code."""
    wrong = InputError(re.sub(r"\bset (?=\w+\.\w+=)", "give --set=", str(error)))
    wrong.exit_code = code
    return wrong


def load_pipeline(spec: str, serving_dir: Path) -> Pipeline:
    """Makes a pipeline from the name of a ready one or a Python file."""
    if spec in READY:
        module = importlib.import_module(f"pipelines.ready.{spec}")
    elif spec.endswith(".py"):
        module = _load_file(Path(spec))
    else:
        expected = f"pipeline must be one of {', '.join(READY)}, or a Python file. Received: pipeline={spec}"
        raise InputError(expected + did_you_mean(spec, READY))
    build: Callable[[Path], Pipeline] | None = getattr(module, "pipeline", None)
    pipeline = build(serving_dir) if build else None
    if not isinstance(pipeline, Pipeline):
        raise InputError(
            f"pipeline: {spec} must have a function pipeline(serving_dir) that returns a Pipeline"
        )
    return pipeline


def _load_file(path: Path) -> ModuleType:
    """The user's own code; its folder's modules can be imported, as by `python FILE`."""
    if not path.is_file():
        raise InputError(f"pipeline: {path} does not exist")
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InputError(f"pipeline: {path} cannot be loaded")
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise InputError(f"pipeline: {path}, line {error.lineno}: {error.msg}") from error
    return module


def describe(pipeline: Pipeline) -> str:
    """A pipeline in text: stages, inputs, outputs and configs."""
    lines = [pipeline.name]
    for node in pipeline.nodes:
        inputs = ", ".join(node.stage.inputs) or "nothing"
        lines.append(f"  {node.name}: {inputs} -> {', '.join(node.stage.outputs)}")
        lines += [f"    {name} = {value!r}" for name, value in vars(node.config).items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
