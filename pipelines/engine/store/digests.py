"""Digests of files and folders: what content-addressing and fingerprints rest on."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nst_keras.errors import InputError
from nst_keras.storage.folders import walk_files


@dataclass(frozen=True)
class Tree:
    """The contents of a folder or a file."""

    digest: str  # SHA-256 over names and contents, in hex
    num_bytes: int
    files: dict[str, tuple[int, str]]  # size and SHA-256 by path inside; "" if it is a file itself


def file_digest(path: Path) -> str:
    """SHA-256 of a file's contents, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_tree(path: Path, digest: Callable[[Path], str] = file_digest) -> Tree:
    """Reads a folder with all that is below it, or a file; `digest` may know a file's digest already."""
    try:
        files = {name: (file.stat().st_size, digest(file)) for name, file in find_files(path)}
    except OSError as error:
        raise InputError(f"{error.filename or path}: cannot be read: {error.strerror}") from error
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
