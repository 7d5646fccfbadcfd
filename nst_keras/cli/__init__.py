"""Command lines: flags and messages, nothing that another module could need.

From here on Ctrl-C ends a command that is still importing without a word: a module that is interrupted raises
whatever its half-made parts do.
"""

import os
import signal
from types import FrameType


def _interrupt(number: int, frame: FrameType | None) -> None:
    place = frame
    while place:
        if place.f_code.co_filename.startswith("<frozen importlib"):
            os._exit(128 + number)
        place = place.f_back
    signal.default_int_handler(number, frame)


if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored, or somebody's own
    signal.signal(signal.SIGINT, _interrupt)
