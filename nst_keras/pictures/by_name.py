"""Pictures by name: a file, or `sample:NAME` for one that comes with the package."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nst_keras.errors import InputError
from nst_keras.pictures.images import read_pixels
from nst_keras.pictures.samples import SAMPLE, read_sample
from nst_keras.pictures.transparency import Pixels

Reader = Callable[[str, str], np.ndarray]  # of a name and its role
_KEPT_STYLES = 8  # so many paintings of 24 megapixels take 2 GB


def load_picture(name: str, role: str) -> np.ndarray:
    """Reads a file or `sample:NAME`, float32 [H, W, 3] on 0..255, for a role, with which messages begin."""
    return load_pixels(name, role).rgb


def load_pixels(name: str, role: str) -> Pixels:
    """Does what `load_picture` does, but for transparency, which is told apart from colours."""
    try:
        if name.startswith(SAMPLE):
            return Pixels(read_sample(name.removeprefix(SAMPLE)), None)
        return read_pixels(name)
    except InputError as error:
        raise InputError(f"{role}: {error}") from error


class PictureReader:
    """Reads pictures for jobs that share them: the styles of a folder of photos are decoded once."""

    def __init__(self) -> None:
        self._content = functools.lru_cache(maxsize=1)(_load)
        self._others = functools.lru_cache(maxsize=_KEPT_STYLES)(_load)

    def __call__(self, name: str, role: str) -> np.ndarray:
        """Does what `load_picture` does; the array must be left as it is."""
        return self.pixels(name, role).rgb

    def pixels(self, name: str, role: str) -> Pixels:
        """Does what `load_pixels` does; the arrays must be left as they are."""
        return (self._content if role == "content" else self._others)(name, role, file_stamp(name))


def _load(name: str, role: str, _: object) -> Pixels:
    return load_pixels(name, role)


def file_stamp(name: str) -> tuple[int, ...]:
    """What changes when a file is written again; empty if there is no such file."""
    try:
        status = Path(name).stat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
