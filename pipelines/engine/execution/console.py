"""What a run shows: a line for each stage, and in a status line below how far the present one is."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nst_keras.console.console import Console
from nst_keras.console.progress import format_seconds
from pipelines.engine.stage import Context, Map

_SHOWN = 4  # values of a stage's record


class RunConsole(Console):
    """A console that knows which stage the run is at."""

    def __init__(self, shows: bool = True) -> None:
        super().__init__(shows)
        self._title, self._began = "", 0.0

    def context(self, mapping: Map, scratch: Path, **more: Any) -> Context:
        """What a stage is given besides artifacts and config."""
        return Context(scratch, mapping, self.say, self.show, self.should_stop, **more)

    def begin(self, title: str) -> None:
        """Starts the time of a stage."""
        self._title, self._began = title, time.monotonic()
        self.show("")

    def show(self, text: object) -> None:
        """Shows how far the stage is."""
        passed = format_seconds(time.monotonic() - self._began)
        super().show(f"{self._title}  {passed}  {text}")

    def end(self, how: str, record: Mapping[str, object]) -> None:
        """Tells how the stage ended, with the first values of its record."""
        values = [
            f"{name} {format(value, '.4g') if isinstance(value, float) else value}"
            for name, value in record.items()
            if isinstance(value, (bool, int, float, str))
        ]
        self.say("  ".join([self._title, how, *values[:_SHOWN]]))
