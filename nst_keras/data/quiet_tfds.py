"""Keeps tensorflow-datasets from talking."""

import contextlib
import io
import logging
import sys
import threading
from collections.abc import Iterator

import tensorflow_datasets as tfds
from absl import logging as absl_logging

_lock = threading.Lock()


@contextlib.contextmanager
def quiet_tfds() -> Iterator[None]:
    """Silences prints, notes and warnings inside; progress bars are left to people at a terminal.

    One thread at a time gets in: what is set aside belongs to the process.
    """
    with _lock:
        yield from _quietly()


def _quietly() -> Iterator[None]:
    retries = logging.getLogger("urllib3.connectionpool")
    levels = absl_logging.get_verbosity(), retries.level
    absl_logging.set_verbosity(absl_logging.ERROR)
    retries.setLevel(logging.ERROR)
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        absl_logging.set_verbosity(levels[0])
        retries.setLevel(levels[1])
        tfds.enable_progress_bar()
