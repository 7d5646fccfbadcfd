"""A run at a terminal: a line for each stage, a status line below, and signals that end it without loss."""

import sys
import time
from collections.abc import Callable

from nst_keras.console.status_line import StatusLine, format_seconds
from nst_keras.console.stop_signals import StopSignals
from pipelines.engine.execution.runner import Console, NodeResult
from pipelines.engine.stage import Node

_SHOWN = 4  # values of a stage's record


class RunConsole:
    """What a run shows on stderr."""

    def __init__(self) -> None:
        """Takes over SIGINT and SIGTERM."""
        self._line, self._stop = StatusLine(), StopSignals()
        self._name, self._began = "", 0.0

    @property
    def received(self) -> int:
        """Number of the signal that wants the run to stop, or 0."""
        return self._stop.received

    def for_run(self, executes: Callable[[Node], None] = lambda node: None) -> Console:
        """The functions that a runner calls.

        Args:
            executes: Called before a node is executed.
        """
        return Console(self.say, self._show, lambda: bool(self.received), self._begins, executes, self._ended)

    def say(self, text: str) -> None:
        """Writes a line."""
        self._line.close()
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Ends the status line."""
        self._line.close()

    def _begins(self, node: Node, number: int, count: int) -> None:
        self._name, self._began = f"[{number}/{count}] {node.name}", time.monotonic()
        self._show("")

    def _show(self, text: str) -> None:
        passed = format_seconds(time.monotonic() - self._began)
        self._line.show(lambda: f"{self._name}  {passed}  {text}")

    def _ended(self, result: NodeResult, number: int, count: int) -> None:
        how = "cached" if result.cached else f"{result.seconds:.1f} s"
        how = "left alone" if result.left_alone else how
        values = [f"{name} {_short(value)}" for name, value in result.record.items() if _plain(value)]
        self.say("  ".join([f"[{number}/{count}] {result.name}", how, *values[:_SHOWN]]))


def _plain(value: object) -> bool:
    return isinstance(value, (bool, int, float, str))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
