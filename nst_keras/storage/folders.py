"""Folders that are made beside their place and take it whole."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nst_keras.errors import InputError


@contextlib.contextmanager
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


@contextlib.contextmanager
def making_folder(path: Path, role: str = "--output_dir") -> Iterator[Path]:
    """Does the same for a block; if that fails, new folders go again unless something is in them."""
    new = [folder for folder in (path, *path.parents) if not folder.exists()]
    make_folder(path, role)
    try:
        yield path
    except BaseException:
        with contextlib.suppress(OSError):
            for folder in new:
                folder.rmdir()
        raise
