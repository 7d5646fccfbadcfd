"""Folders that are made beside their place and take it whole."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nst_keras.errors import InputError


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Gives the path of a folder to make, which then takes the place of `target`, even if that exists."""
    with tempfile.TemporaryDirectory(prefix=".nst_keras-", dir=target.parent) as temporary:
        new, replaced = Path(temporary, "new"), Path(temporary, "replaced")
        yield new
        try:
            if target.exists():
                target.rename(replaced)
            new.rename(target)
        except OSError as error:
            if replaced.exists():
                replaced.rename(target)
            raise InputError(f"{target}: cannot be written: {error.strerror}") from error


def make_folder(path: Path, role: str = "--output_dir") -> Path:
    """Makes a folder with those above it; `role` begins the message if that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{role}: {path} can't be made: {error.strerror}") from error
    return path
