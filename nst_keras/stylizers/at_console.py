"""Painting by a trained stylizer at a terminal."""

import sys
import time
from collections.abc import Sequence

from nst_keras.console.status_line import format_seconds
from nst_keras.console.stop_signals import StopSignals
from nst_keras.errors import InputError
from nst_keras.pictures.plan import StylizeJob
from nst_keras.stylizers.job import FastStylize


def paint_at_console(
    stylize: FastStylize, jobs: Sequence[StylizeJob], *, repeated_digest: str | None = None
) -> int:
    """Makes pictures one after the other; a bad one doesn't keep the others from being made.

    Args:
        stylize: Stylizer and settings.
        jobs: What to make.
        repeated_digest: Hash of the stylizer that made the picture that is repeated, if one is.

    Returns:
        Exit code: 0, 1 if a picture of several failed, 128 + signal if stopped.

    Raises:
        InputError: If the only picture can't be made.
    """
    if repeated_digest not in (None, stylize.painter.digest):
        say(f"note: that picture was made by another stylizer, {repeated_digest}; see --stylizer")
    if len(jobs) == 1:
        print(stylize.run(jobs[0]), flush=True)
        return 0
    stop, failed, began = StopSignals(), 0, time.monotonic()
    for number, job in enumerate(jobs, start=1):
        try:
            if stylize.is_done(job):
                say(f"[{number}/{len(jobs)}] {job.output} is done already")
            else:
                print(stylize.run(job), flush=True)
                left = (time.monotonic() - began) / number * (len(jobs) - number)
                say(f"[{number}/{len(jobs)}] ETA {format_seconds(left)}")
        except InputError as error:
            failed += 1
            say(f"[{number}/{len(jobs)}] error: {error}")
        if stop.received and number < len(jobs):
            return 128 + stop.received
    if failed:
        say(f"{failed} of {len(jobs)} pictures could not be made")
    return 1 if failed else 0


def say(text: str) -> None:
    """Writes a line to stderr."""
    print(text, file=sys.stderr, flush=True)
