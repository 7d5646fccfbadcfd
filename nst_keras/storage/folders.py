"""Folders that are made beside their place and take it whole, and what lies below one."""

import contextlib
import errno
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

from nst_keras.errors import InputError

T = TypeVar("T")


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


def walk_files(folder: Path) -> Iterator[Path]:
    """Yields the files below a folder, also behind links, sorted by path; hidden ones are left out.

    A link back to a folder that it lies in isn't followed.

    Raises:
        InputError: If a folder cannot be read.
    """
    return (Path(entry.path) for entry in walk_entries(folder))


def walk_entries(
    folder: str | os.PathLike[str], above: tuple[tuple[int, int], ...] = (), *, by_path: bool = False
) -> Iterator[os.DirEntry[str]]:
    """Does what `walk_files` does, for millions; `above` are device and number of folders above.

    `by_path` gives the order of whole paths as texts, where a-b/c comes before a/c, and not of their parts.
    """
    try:
        with os.scandir(folder) as entries:
            shown = (entry for entry in entries if entry.name[0] != ".")
            listed = sorted(shown, key=_path_key if by_path else attrgetter("name"))
        own = os.stat(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from error
    above = (*above, (own.st_dev, own.st_ino))
    for entry in listed:
        try:
            is_file, is_folder = entry.is_file(), entry.is_dir()
            there = entry.stat() if is_folder and entry.is_symlink() else None
        except OSError as error:
            if error.errno == errno.ELOOP:  # a link to itself
                continue
            raise InputError(f"{entry.path}: cannot be read: {error.strerror}") from error
        if is_file:
            yield entry
        elif is_folder and (not there or (there.st_dev, there.st_ino) not in above):
            yield from walk_entries(entry.path, above, by_path=by_path)


def _path_key(entry: os.DirEntry[str]) -> str:
    try:
        return f"{entry.name}/" if entry.is_dir() else entry.name
    except OSError:
        return entry.name  # whoever opens it says what is wrong


def each_once(paths: Iterable[T]) -> Iterator[T]:
    """Leaves out paths that lead to a file that one before them leads to, by links of either kind."""
    seen = defaultdict[int, set[int]](set)  # numbers of files by device
    for path in paths:
        try:
            stat = os.stat(str(path))
        except OSError:
            yield path  # whoever opens it says what is wrong
            continue
        if stat.st_ino not in seen[stat.st_dev] or not stat.st_ino:
            seen[stat.st_dev].add(stat.st_ino)
            yield path
