"""Runs a pipeline: each stage once, and what is finished is never done again.

  python -m pipelines.run --pipeline=classifier --pipeline_root=runs/classifier --serving_dir=saved_models
  python -m pipelines.run --pipeline=classifier --set=Trainer.learning_rate=0.01
  python -m pipelines.run --pipeline=my_pipeline.py --until=Trainer

Pipelines: classifier, fine_tuning, stylizer, style_transfer, or a Python file of yours with a function
`pipeline(serving_dir)`. A run that was stopped or killed goes on with the same command. Prints where the
report of the run is.
"""

import contextlib
import functools
import importlib
import importlib.util
import shlex
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from absl import flags

from nst_keras import __version__
from nst_keras.cli import common
from nst_keras.errors import InputError
from pipelines.engine.choices import change_configs, choose_nodes, require_nodes
from pipelines.engine.code.sources import SourceCache, sources_path
from pipelines.engine.execution.console import RunConsole
from pipelines.engine.execution.runner import Choice, Runner
from pipelines.engine.stage import Pipeline, Stopped
from pipelines.engine.store.store import opened

READY = ("classifier", "fine_tuning", "stylizer", "style_transfer")
FLAGS = flags.FlagValues()
_text = functools.partial(flags.DEFINE_string, flag_values=FLAGS)
_switch = functools.partial(flags.DEFINE_bool, flag_values=FLAGS)
PIPELINE = _text("pipeline", "", f"{', '.join(READY)}, or a Python file.")
ROOT = _text("pipeline_root", "", "Folder of artifacts and metadata; empty is runs/PIPELINE.")
SERVING_DIR = _text("serving_dir", "saved_models", "Where models are pushed to.")
SET = flags.DEFINE_multi_string(
    "set", [], "STAGE.FIELD=VALUE: changes a stage's config; may be given several times.", flag_values=FLAGS
)
FROM = _text("from", "", "Run this stage and all that need it.")
UNTIL = _text("until", "", "Run this stage and all that it needs.")
ONLY = flags.DEFINE_list("only", [], "Run these stages alone.", flag_values=FLAGS)
FRESH = flags.DEFINE_list("fresh", [], "Run these stages though nothing has changed.", flag_values=FLAGS)
VERIFY = _switch("verify", False, "Read every file of an artifact that is reused.")
RUNNER = flags.DEFINE_enum("runner", "local", ("local", "dask"), "Where stages run tasks.", flag_values=FLAGS)
SCHEDULER = _text("dask_scheduler", "", "Run them on this Dask cluster: tcp://HOST:PORT.")
LIST = _switch("list", False, "Show stages and configs, and run nothing.")


@common.command(__doc__, FLAGS)
def main() -> int:
    """Entry point of `python -m pipelines.run`."""
    if not PIPELINE.value:
        raise flags.IllegalFlagValueError(f"--pipeline must be given: {', '.join(READY)}, or a Python file")
    try:
        pipeline = change_configs(load_pipeline(PIPELINE.value, Path(SERVING_DIR.value)), SET.value)
        chosen = choose_nodes(pipeline, FROM.value, UNTIL.value, ONLY.value)
        require_nodes(pipeline, "fresh", FRESH.value)
    except InputError as error:
        raise flags.IllegalFlagValueError(f"--{error}") from error
    if LIST.value:
        print(describe(pipeline))
        return 0
    return _run(pipeline, Choice(chosen, frozenset(FRESH.value), VERIFY.value))


def _run(pipeline: Pipeline, choice: Choice) -> int:
    from pipelines.engine.execution.mapping import open_map
    from pipelines.reports.run_page import write_report

    sources = SourceCache(sources_path())
    try:
        with (
            RunConsole() as console,
            opened(Path(ROOT.value or f"runs/{pipeline.name}")) as store,
            open_map(RUNNER.value, SCHEDULER.value, console.say) as mapping,
        ):
            # Stages import TensorFlow inside their functions, with notes that would tear the status line.
            start = common.import_tensorflow_quietly
            runner = Runner(pipeline, store, console, mapping, choice, sources, start)
            try:
                runner.run(shlex.join(sys.argv), __version__)
            except BaseException:
                # Why the run ended must be told even if its report can't be written.
                with contextlib.suppress(InputError, OSError, sqlite3.Error):
                    console.say(f"report: {write_report(store, runner.run_id)}")
                raise
            return console.finished(write_report(store, runner.run_id))
    except Stopped:
        return console.stopped("the same command goes on from here")
    finally:
        sources.keep()


def load_pipeline(spec: str, serving_dir: Path) -> Pipeline:
    """Makes a pipeline from the name of a ready one or a Python file."""
    if spec in READY:
        module = importlib.import_module(f"pipelines.ready.{spec}")
    elif spec.endswith(".py"):
        module = _load_file(Path(spec))
    else:
        raise InputError(f"pipeline must be one of {', '.join(READY)}, or a Python file. Received: {spec}")
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
