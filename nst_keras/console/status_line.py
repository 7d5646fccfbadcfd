"""A line that tells how far a run is."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

_TERMINAL_PAUSE, _LOG_PAUSE = 0.2, 10.0  # seconds


class StatusLine:
    """One line that changes on a terminal, else a new line now and then."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Writes to stderr if no stream is given."""
        self._stream = stream or sys.stderr
        self._pause = _TERMINAL_PAUSE if self._stream.isatty() else _LOG_PAUSE
        self._next = 0.0
        self._open = False  # whether the cursor stands behind a line that isn't ended

    def show(self, text: Callable[[], str], *, last: bool = False) -> None:
        """Shows a text, which is made only if the one before is old enough or this is the last."""
        now = time.monotonic()
        if now < self._next and not last:
            return
        self._next = now + self._pause
        if self._stream.isatty():
            self._stream.write(f"\r\x1b[K{text()}")
            self._open = True
        else:
            self._stream.write(text() + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Ends the line, so that other text can follow."""
        if self._open:
            self._stream.write("\n")
            self._open = False


def format_seconds(seconds: float) -> str:
    """Minutes and seconds, with hours when there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
