"""Digests of files and folders: what content-addressing and fingerprints rest on."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.storage.files import stat_state
from nst_keras.storage.folders import walk_entries
from nst_keras.storage.remote import is_remote, open_anywhere, size_anywhere, state_anywhere
from pipelines.engine.stage import Outside, OutsideFile


@dataclass(frozen=True)
class Tree:
    """The contents of a folder or a file."""

    digest: str  # SHA-256 over names and contents, in hex
    num_bytes: int
    files: dict[str, tuple[int, str]]  # size and SHA-256 by path inside; "" if it is a file itself


AnyFile = Path | str | OutsideFile


class _TreeDigest:
    """SHA-256 over the JSON list of names, sizes and digests of files, which come sorted by name."""

    def __init__(self) -> None:
        self._hash, self.num_bytes, self._separator = hashlib.sha256(b"["), 0, ""

    def add(self, name: str, size: int, digest: str) -> None:
        """Takes in the next file."""
        self._hash.update(f"{self._separator}{json.dumps([name, [size, digest]])}".encode())
        self.num_bytes, self._separator = self.num_bytes + size, ", "

    def hexdigest(self) -> str:
        """The digest."""
        closed = self._hash.copy()
        closed.update(b"]")
        return closed.hexdigest()


def file_digest(path: AnyFile) -> str:
    """SHA-256 of the contents of a file, or of one at an address, in hex."""
    if not isinstance(path, (str, Path)):
        return hashlib.sha256(path.read()).hexdigest()
    opened: Any = open_anywhere(path) if isinstance(path, str) else path.open("rb")
    with opened as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_tree(path: Path | Outside, digest: Callable[[AnyFile], str] = file_digest) -> Tree:
    """Reads a folder with all that is below it, a file, or files of anywhere.

    `digest` may know a file's digest already.
    """
    with _naming(path):
        files = {name: (_size(file), digest(file)) for name, file in files_of(path)}
    over_all = _TreeDigest()
    for name in sorted(files):
        over_all.add(name, *files[name])
    return Tree(over_all.hexdigest(), over_all.num_bytes, files)


def summarize_tree(path: Path | Outside, digest: Callable[[AnyFile], str] = file_digest) -> tuple[str, int]:
    """Digest and bytes as `read_tree` has them, of any number of files."""
    over_all, last = _TreeDigest(), ""
    with _naming(path):
        for name, file in files_of(path):
            if name < last:  # as of archives, which have an order of their own
                tree = read_tree(path, digest)
                return tree.digest, tree.num_bytes
            over_all.add(name, _size(file), digest(file))
            last = name
    return over_all.hexdigest(), over_all.num_bytes


@contextlib.contextmanager
def _naming(path: Path | Outside) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{error.filename or getattr(path, 'name', path)}: cannot be read: {error.strerror}"
        ) from error


def read_state(path: Path | Outside) -> str:
    """What changes with any file of it, at the cost of listing them; empty if that can't be told."""
    if isinstance(path, Outside) and path.state:
        return path.state()
    over_all = hashlib.sha256()
    if isinstance(path, Outside):
        states = ((name, state_of(file)) for name, file in path.files())
    elif path.is_dir():
        states = ((entry.path, stat_state(entry.stat())) for entry in walk_entries(path))
    else:
        states = ((name, state_of(file)) for name, file in find_files(path))
    try:
        for name, state in states:
            if not state:
                return ""
            over_all.update(f"{name}\0{state}\0".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise InputError(f"{error.filename or path}: cannot be read: {error.strerror}") from error
    return over_all.hexdigest()


def address_of(file: AnyFile) -> str:
    """A file's whole path, address or other name."""
    name = str(file)
    return name if is_remote(name) else os.path.abspath(name)


def state_of(file: AnyFile) -> str:
    """As `file_state`, of any file."""
    return state_anywhere(os.fspath(file)) if isinstance(file, (str, Path)) else file.state()


def files_of(path: Path | Outside) -> Iterable[tuple[str, AnyFile]]:
    """Names and files of it."""
    return path.files() if isinstance(path, Outside) else find_files(path)


def _size(file: AnyFile) -> int:
    return size_anywhere(os.fspath(file)) if isinstance(file, (str, Path)) else file.size()


def find_files(path: Path) -> Iterator[tuple[str, Path]]:
    """Yields the files below a folder sorted by name, also behind links, without hidden ones; or a file."""
    if path.is_file():
        yield "", path
        return
    if not path.is_dir():
        raise InputError(f"{path}: does not exist")
    for entry in walk_entries(path, by_path=True):
        file = Path(entry.path)
        yield file.relative_to(path).as_posix(), file
