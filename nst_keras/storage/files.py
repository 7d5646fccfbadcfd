"""Files that are opened with a reason when they can't be, and written whole or not at all."""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nst_keras.errors import InputError

_PROBE_BYTES = 1 << 20
_COARSEST_CLOCK_NS = 2_000_000_000  # FAT's


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """Opens a file for reading bytes, or raises an InputError that says why it can't be."""
    try:
        return Path(path).open("rb")
    except FileNotFoundError as error:
        raise InputError(f"{path}: does not exist") from error
    except (OSError, ValueError) as error:
        reason = "is a folder" if os.path.isdir(path) else f"cannot be read: {_reason(error)}"
        raise InputError(f"{path}: {reason}") from error


def file_state(path: str | os.PathLike[str]) -> str:
    """Size, times and number of a file, through links: while they are the same, its contents are.

    Empty for a file that has just been changed: by the clock of its file system it could change again and
    show nothing of it.
    """
    return stat_state(os.stat(path))


def stat_state(stat: os.stat_result) -> str:
    """The same of what the system said of a file."""
    if time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) < _COARSEST_CLOCK_NS:
        return ""
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"


def file_digest(path: Path) -> str:
    """SHA-256 of a file's contents, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def link_or_copy(source: Path, target: Path) -> None:
    """Gives a finished file a second name, in place of what has it; a copy if the disk has no such names."""
    temporary = temporary_path(target.parent)
    try:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)  # it stays if both are names of one file already


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes a file so that its name never stands for half of it, whatever happens meanwhile.

    Raises:
        InputError: If the file can't be written, with the reason. What was there before is intact.
    """
    with _named(path), writing_whole(path) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def writing_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives a hidden name in the same folder; the file that the block writes there takes over the name.

    It reaches the disk first, and takes over in one step. A file that was there keeps its permissions; a
    symbolic link keeps pointing where it did. If the block fails, what it wrote is removed.

    Raises:
        InputError: If the path can't be a file's.
        OSError: If the file can't be written.
    """
    target = _target(path)
    temporary = temporary_path(target.parent)
    try:
        yield temporary
        sync(temporary)
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(target.stat().st_mode & 0o7777)
        temporary.replace(target)
    finally:
        # Gone already if all went well.
        with contextlib.suppress(OSError, ValueError):
            temporary.unlink()
    sync_folder(target.parent)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Finds out, before any work is done, whether `write_whole` could write this file.

    It writes a megabyte beside the target and removes it, so that a full disk shows as well. The
    target itself is not touched.
    """
    probe = temporary_path(_target(path).parent)
    try:
        with _named(path):
            probe.write_bytes(bytes(_PROBE_BYTES))
            sync(probe)
    finally:
        with contextlib.suppress(OSError, ValueError):
            probe.unlink()


def temporary_path(folder: Path) -> Path:
    """A name for something that is still being written, which nobody else uses."""
    return folder / f".nst_keras-{secrets.token_hex(8)}.tmp"


def is_temporary(path: Path) -> bool:
    """Whether a file or folder has such a name: if nobody is at work, a killed process left it."""
    return re.fullmatch(r"\.nst_keras-[0-9a-f]{16}\.tmp", path.name) is not None


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """The same for a folder where the file system or platform can promise it."""
    with contextlib.suppress(OSError):
        sync(folder)


@contextlib.contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be written: {_reason(error)}") from error


def _target(path: str | os.PathLike[str]) -> Path:
    """Returns where the bytes shall go, with links followed, or raises InputError."""
    try:
        target = Path(os.path.realpath(path))
        # lstat also finds names that are too long, which the temporary name would hide.
        os.lstat(target)
    except FileNotFoundError:
        pass
    except NotADirectoryError as error:
        raise InputError(f"{path}: {target.parent} is not a folder") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be written: {_reason(error)}") from error
    if target.is_dir():
        raise InputError(f"{path}: is a folder; the name of a file was expected")
    # Replacing a device such as /dev/null would remove it.
    if target.exists() and not target.is_file():
        raise InputError(f"{path}: is not a regular file")
    if not target.parent.is_dir():
        raise InputError(f"{path}: the folder {target.parent} does not exist")
    return target


def _reason(error: Exception) -> str:
    text = (isinstance(error, OSError) and error.strerror) or str(error)
    return text[:1].lower() + text[1:]
