"""Runs of the tiny pipeline, in this process and in others."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from pipelines.engine.execution.console import RunConsole
from pipelines.engine.execution.runner import Choice, Runner
from pipelines.engine.stage import Pipeline
from pipelines.engine.store.store import Store

# A run as a process of its own, given module, pipeline root, serving folder and code to execute before it.
_PROGRAM = """
import importlib, sys
from pathlib import Path
from pipelines.engine.execution.runner import Runner
from pipelines.engine.store.store import Store
tiny = importlib.import_module(sys.argv[1])
exec(sys.argv[4])
Runner(tiny.pipeline(Path(sys.argv[3])), Store(Path(sys.argv[2]))).run("command", "1")
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The store of an empty pipeline root."""
    opened = Store(tmp_path / "root")
    yield opened
    opened.close()


@pytest.fixture
def run(store: Store) -> Callable[..., Runner]:
    """Runs a pipeline; what it says is appended to `said`."""

    def run(
        pipeline: Pipeline,
        choice: Choice | None = None,
        said: list[str] | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Runner:
        lines: list[str] = [] if said is None else said

        class Listener(RunConsole):
            def say(self, text: str) -> None:
                lines.append(text)

            def end(self, how: str, record: object) -> None: ...

            def should_stop(self) -> bool:
                return should_stop()

        runner = Runner(pipeline, store, Listener(shows=False), choice=choice or Choice())
        runner.run("command", "1")
        return runner

    return run


@pytest.fixture
def start(tmp_path: Path, tiny: ModuleType) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a run of the tiny pipeline as a process; its errors go to `log.txt`."""
    processes = []

    def start(trick: str = "", change: str = "", serving: str = "models") -> subprocess.Popen[bytes]:
        paths = [str(Path(__file__).parents[3]), str(tmp_path / "code")]
        environment = os.environ | {"PYTHONPATH": ":".join(paths), "TINY_TRICK": trick}
        given = [tiny.__name__, str(tmp_path / "root"), str(tmp_path / serving), change]
        command = [sys.executable, "-c", _PROGRAM, *given]
        with (tmp_path / "log.txt").open("a") as log:
            processes.append(subprocess.Popen(command, env=environment, stderr=log))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()
