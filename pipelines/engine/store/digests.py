"""Digests of files and folders: what content-addressing and fingerprints rest on."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.storage.folders import walk_files
from nst_keras.storage.remote import open_anywhere, size_anywhere
from pipelines.engine.stage import Outside


@dataclass(frozen=True)
class Tree:
    """The contents of a folder or a file."""

    digest: str  # SHA-256 over names and contents, in hex
    num_bytes: int
    files: dict[str, tuple[int, str]]  # size and SHA-256 by path inside; "" if it is a file itself


def file_digest(path: Path | str) -> str:
    """SHA-256 of the contents of a file, or of one at an address, in hex."""
    opened: Any = open_anywhere(path) if isinstance(path, str) else path.open("rb")
    with opened as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_tree(path: Path | Outside, digest: Callable[[Path | str], str] = file_digest) -> Tree:
    """Reads a folder with all that is below it, a file, or files of anywhere.

    `digest` may know a file's digest already.
    """
    try:
        found = path.files() if isinstance(path, Outside) else find_files(path)
        files = {name: (size_anywhere(os.fspath(file)), digest(file)) for name, file in found}
    except OSError as error:
        raise InputError(
            f"{error.filename or getattr(path, 'name', path)}: cannot be read: {error.strerror}"
        ) from error
    over_all = hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()
    return Tree(over_all, sum(size for size, _ in files.values()), files)


def find_files(path: Path) -> Iterator[tuple[str, Path]]:
    """Yields the files below a folder by name, behind links too, hidden ones left out; or the file itself."""
    if path.is_file():
        yield "", path
        return
    if not path.is_dir():
        raise InputError(f"{path}: does not exist")
    for file in walk_files(path):
        yield file.relative_to(path).as_posix(), file
