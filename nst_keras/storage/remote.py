"""Files at paths and at addresses such as s3://bucket/folder, through fsspec.

fsspec and not etils.epath: tensorflow-datasets brings both, but epath reads s3:// and gs:// through fsspec
itself and shows paths alone, without what tells that an object was changed (`ukey`) or reads part of one
(`cat_file`). Each kind of address needs fsspec's own package for it, as s3fs for s3://.
"""

import contextlib
import os
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any, BinaryIO

from nst_keras.errors import InputError
from nst_keras.storage.files import file_state, open_file

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Whether a path is an address with a scheme, such as s3://."""
    return isinstance(path, str) and _SCHEME.match(path) is not None


def as_local(path: str) -> str:
    """The path that a file:// address means; others as they are."""
    if path[:7].lower() != "file://":
        return path
    parts = urllib.parse.urlsplit(path)
    if parts.netloc not in ("", "localhost"):
        raise InputError(f"{path}: must have three slashes, file:///folder; it names the host {parts.netloc}")
    return urllib.request.url2pathname(parts.path)


def open_anywhere(path: str) -> BinaryIO:
    """Opens a file for reading bytes, wherever it is; it can be sought in."""
    if not is_remote(path):
        return open_file(path)
    with naming(path):
        system, inner = _find(path)
        return system.open(inner, "rb")


def read_range(path: str, start: int, length: int) -> bytes:
    """Reads part of a file, perhaps less than wanted, and of a remote one nothing else."""
    if not is_remote(path):
        with open_file(path) as file:
            file.seek(start)
            return file.read(length)
    with naming(path):
        system, inner = _find(path)
        return system.cat_file(inner, start=start, end=start + length)


def size_anywhere(path: str) -> int:
    """Bytes of a file."""
    if not is_remote(path):
        return os.stat(path).st_size
    with naming(path):
        system, inner = _find(path)
        return int(system.size(inner))


def state_anywhere(path: str) -> str:
    """As `file_state`; of a remote file what its store says of it, such as its ETag."""
    if not is_remote(path):
        return file_state(path)
    with naming(path):
        system, inner = _find(path)
        return str(system.ukey(inner))


def list_remote(url: str) -> Iterator[str]:
    """Names of all files below an address, with slashes, sorted; hidden ones are left out.

    Raises:
        InputError: If there is none, or it can't be listed.
    """
    with naming(url):
        system, root = _find(url)
        # Stores have no folders that could be missing: one without a file isn't there.
        names = [path[len(root) :].lstrip("/") for path in system.find(root)]
    shown = sorted(name for name in names if name and not any(part[0] == "." for part in name.split("/")))
    if not shown:
        raise InputError(f"{url}: does not exist, or isn't a folder with files")
    yield from shown


@contextlib.contextmanager
def naming(url: str) -> Iterator[None]:
    """Turns what a store's package raises into an InputError that begins with the address."""
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{url}: does not exist") from error
    except ImportError as error:
        raise InputError(f"{url}: {error}") from error  # fsspec says which package to install
    except Exception as error:  # each store's package has errors of its own
        reason = str(error) or type(error).__name__
        raise InputError(f"{url}: cannot be read: {reason.splitlines()[0]}") from error


def _find(url: str) -> tuple[Any, str]:
    import fsspec

    system, path = fsspec.core.url_to_fs(url)
    return system, path.rstrip("/")
