"""What a command shows on stderr, whether its user wants it to stop, and its exit code."""

import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Self, TypeVar

from nst_keras.console.progress import Progress
from nst_keras.errors import InputError

_Job = TypeVar("_Job")
_TERMINAL_PAUSE, _LOG_PAUSE = 0.2, 10.0  # seconds between two texts of the status line


def say(text: str) -> None:
    """Writes a line to stderr."""
    print(text, file=sys.stderr, flush=True)


class Console:
    """A status line with other text above it, and the user's wish to stop.

    Inside a `with` block the first Ctrl-C or SIGTERM becomes a wish, which is answered by the notice, and a
    second one acts at once. Of several workers one `shows` anything.
    """

    def __init__(
        self, shows: bool = True, notice: str = "ending after this step; again to end at once"
    ) -> None:
        self.received = 0  # number of the signal that asked for a stop
        self._shows, self._notice = shows, notice
        self._next = 0.0
        self._open = False  # whether the cursor stands behind a status line

    def __enter__(self) -> Self:
        """Takes over both signals."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._receive) for number in numbers}
        return self

    def __exit__(self, *error: object) -> None:
        """Ends the status line and gives the signals back."""
        self._end_line()
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        signal.signal(number, signal.SIG_DFL)
        self._end_line()
        say(f"{signal.Signals(number).name}: {self._notice}")

    def should_stop(self) -> bool:
        """Whether the user wants to stop."""
        return bool(self.received)

    def say(self, text: str) -> None:
        """Writes a line above the status line."""
        self._end_line()
        if self._shows:
            say(text)

    def show(self, text: object) -> None:
        """Shows a text in the status line if the one before is old enough, and always a run's last step.

        The line changes on a terminal; elsewhere there is a new one now and then.
        """
        now, terminal = time.monotonic(), sys.stderr.isatty()
        last = isinstance(text, Progress) and text.step == text.num_steps
        if not self._shows or (now < self._next and not last):
            return
        self._next = now + (_TERMINAL_PAUSE if terminal else _LOG_PAUSE)
        self._open = terminal
        if terminal:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        else:
            say(str(text))

    def _end_line(self) -> None:
        if self._open:
            say("")
            self._open = False

    def finished(self, result: object) -> int:
        """Prints to stdout what the command made; returns its exit code."""
        self._end_line()
        if self._shows:
            print(result, flush=True)
        return 0

    def stopped(self, text: str) -> int:
        """Tells what there is after a stop; returns the exit code."""
        self.say(f"stopped; {text}")
        return 128 + self.received

    def each_picture(self, jobs: Sequence[_Job], make: Callable[[_Job, str], bool]) -> int:
        """Makes pictures one after the other; a bad one of several doesn't keep the others from being made.

        `make` takes a job and its number in words, "" if there is one job only, and tells whether it came to
        its end. Returns the exit code: 0, 1 if a picture of several failed, 128 + signal if stopped.
        """
        failed = 0
        for number, job in enumerate(jobs, start=1):
            title = f"[{number}/{len(jobs)}] " if len(jobs) > 1 else ""
            try:
                finished = make(job, title)
            except InputError as error:
                if len(jobs) == 1:
                    raise
                failed, finished = failed + 1, True
                self.say(f"{title}error: {error}")
            if self.received and not (finished and number == len(jobs)):
                return 128 + self.received
        if failed:
            self.say(f"{failed} of {len(jobs)} pictures could not be made")
        return int(failed > 0)
