"""Signals that end a run without losing it."""

import signal
import sys
from types import FrameType


class StopSignals:
    """Turns the first Ctrl-C or SIGTERM into a wish; a second one acts at once.

    Attributes:
        received: The signal's number, or 0.
    """

    def __init__(self) -> None:
        """Takes over both signals."""
        self.received = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        signal.signal(number, signal.SIG_DFL)
        text = f"{signal.Signals(number).name}: ending after this step; again to end at once"
        print(text, file=sys.stderr, flush=True)
