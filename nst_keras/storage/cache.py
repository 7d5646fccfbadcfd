"""The user's cache folder: files fetched once, checked on every use, shared by processes."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock

from nst_keras.errors import InputError
from nst_keras.storage.files import write_whole

CACHE_VARIABLE = "NST_KERAS_CACHE"

_DIGEST_SIZE = 32  # of SHA-256, with which a file begins that was made here
_MOST_KEPT = 16  # of these in a folder


@dataclass(frozen=True)
class Fetchable:
    """A file that never changes and that can be had again."""

    name: str  # inside the cache folder
    title: str  # what it is, for messages
    size: int  # exact, in bytes
    sha256: str  # in hex
    fetch: Callable[[], bytes]  # raises `InputError` when the content can't be had
    fetch_size: str  # of what travels, in words


def cache_dir() -> Path:
    """Returns `$NST_KERAS_CACHE`, or `nst_keras` in the user's cache folder; it need not exist yet."""
    own = os.environ.get(CACHE_VARIABLE)
    if own:
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    if shared:
        return Path(shared).expanduser() / "nst_keras"
    try:
        return Path.home() / ".cache" / "nst_keras"
    except RuntimeError as error:
        raise InputError(
            f"there is no home folder to keep a cache in; set {CACHE_VARIABLE} to a folder"
        ) from error


@contextmanager
def locked(
    path: Path,
    *,
    use: str = "cache folder",
    remedy: str = f"set {CACHE_VARIABLE} to a folder that can be written",
    waiting: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Holds the lock that belongs to `path`; other processes wait until it is released.

    The lock lies beside the path, which need not exist, as `<name>.lock`; its folder is made when missing. It
    is released by the system when its holder dies. If the folder can't be used, say if it is read-only, an
    InputError names `use` and `remedy`. `waiting` is called each second for which another process holds the
    lock; what it raises ends the wait.
    """
    lock = filelock.FileLock(path.with_name(path.name + ".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _acquire(lock, waiting)
    except (OSError, NotImplementedError) as error:
        # The second is what filelock 3 raises on a file system that knows no locks.
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path.parent}: cannot be used as {use}: {reason}; {remedy}") from error
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: filelock.BaseFileLock, waiting: Callable[[], None]) -> None:
    while True:
        try:
            lock.acquire(timeout=1)
            return
        except filelock.Timeout:
            waiting()


def read_cached(item: Fetchable, note: Callable[[str], None]) -> bytes:
    """Returns the content of a cached file, fetched first, with a note, if it is missing or damaged.

    Of several processes that ask at the same time one fetches and the others wait for it. A file
    that is already there is read without a lock, so a read-only cache serves too.

    Raises:
        InputError: If the file cannot be fetched, what came has another hash, or it cannot be stored.
    """
    path = cache_dir() / item.name
    data = _read_if_whole(path, item)
    if data is not None:
        return data
    with locked(path):
        data = _read_if_whole(path, item)
        if data is not None:
            return data
        if path.exists():
            note(f"{path} is damaged and will be replaced")
        note(f"fetching {item.title} ({item.fetch_size}) ...")
        data = item.fetch()
        if not _is_whole(data, item):
            raise InputError(
                f"{item.title} must be {item.size} bytes with sha256 {item.sha256}. Received: "
                f"{len(data)} bytes with sha256 {hashlib.sha256(data).hexdigest()}"
            )
        write_whole(path, data)
    return data


def read_kept(folder: str, name: str, make: Callable[[], bytes], note: Callable[[str], None]) -> bytes:
    """Returns what was made once and is kept in a folder of the cache, or makes it now.

    The folder keeps the last few. If nothing can be kept, `note` is told so, and it is made each time.
    """
    try:
        path = cache_dir() / folder / name
        stored = path.read_bytes()
    except (OSError, InputError):
        stored = b""
    if hashlib.sha256(stored[_DIGEST_SIZE:]).digest() == stored[:_DIGEST_SIZE]:
        return stored[_DIGEST_SIZE:]
    data = make()
    try:
        path = cache_dir() / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, hashlib.sha256(data).digest() + data)
        kept = sorted(path.parent.glob("[!.]*"), key=lambda file: file.stat().st_mtime)
        for old in kept[:-_MOST_KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, InputError) as error:
        note(f"note: nothing can be kept in the cache: {error}")
    return data


def _read_if_whole(path: Path, item: Fetchable) -> bytes | None:
    try:
        # The size is looked at first: a wrong file in its place may be of any size.
        if path.stat().st_size != item.size:
            return None
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    return data if _is_whole(data, item) else None


def _is_whole(data: bytes, item: Fetchable) -> bool:
    return len(data) == item.size and hashlib.sha256(data).hexdigest() == item.sha256
