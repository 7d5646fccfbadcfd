"""The log of pictures that a server was asked about: files of JSON lines, which pipelines read.

A line has "time" (seconds since 1970), "model", "version" and what `nst_keras.pictures.measurements` has: the
picture's own size and bytes, and brightness, contrast and colourfulness as it is at `MEASURED_SIDE`. If the
picture itself is kept, "picture" is its file in the folder `pictures` beside. A file that is still written
has a hidden name; one with a name is whole and doesn't change, until it goes as the oldest.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.pictures.measurements import STEPS
from nst_keras.storage.files import open_file

PREFIX, SUFFIX = "requests-", ".jsonl"
PICTURES = "pictures"
# Longest side in pixels: data sets for training are small, too, and detail that gets lost counts as contrast.
MEASURED_SIDE = 128

_FIELDS = ("time", "model", "version", *STEPS)


def find_log_files(folder: Path) -> list[Path]:
    """The whole files of a log, the oldest first."""
    if not folder.is_dir():
        raise InputError(f"{folder}: must be a folder that nst-serve's request_log wrote")
    return sorted(folder.glob(f"{PREFIX}*{SUFFIX}"))


def read_log_file(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a file."""
    with open_file(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                row = dict(json.loads(line))
                missing = [name for name in _FIELDS if name not in row]
            except (ValueError, TypeError) as error:
                raise InputError(f"{path}: line {number} is damaged: {error}") from error
            if missing:
                raise InputError(f"{path}: line {number} must have {', '.join(missing)}")
            yield row
