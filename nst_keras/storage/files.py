"""Files that are opened with a reason when they can't be, and written whole or not at all."""

import contextlib
import os
import secrets
from pathlib import Path
from typing import BinaryIO

from nst_keras.errors import InputError

_PROBE_BYTES = 1 << 20


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """Opens a file for reading bytes.

    Raises:
        InputError: If there is no such file, or it is a folder, or it may not be read.
    """
    try:
        return Path(path).open("rb")
    except FileNotFoundError as error:
        raise InputError(f"{path}: does not exist") from error
    except (OSError, ValueError) as error:
        reason = "is a folder" if os.path.isdir(path) else f"cannot be read: {_reason(error)}"
        raise InputError(f"{path}: {reason}") from error


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes a file so that its name never stands for half of it, whatever happens meanwhile.

    The bytes go to a hidden file in the same folder, reach the disk, and take over the name in one
    step. A file that was there keeps its permissions; a symbolic link keeps pointing where it did.

    Raises:
        InputError: If the file can't be written, with the reason. What was there before is intact,
            and no temporary file is left.
    """
    target = _target(path)
    temporary = target.with_name(f".nst_keras-{secrets.token_hex(8)}.tmp")
    try:
        _write_durably(temporary, data)
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(target.stat().st_mode & 0o7777)
        temporary.replace(target)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be written: {_reason(error)}") from error
    finally:
        # Gone already if all went well.
        with contextlib.suppress(OSError, ValueError):
            temporary.unlink()
    _sync_folder(target.parent)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Finds out, before any work is done, whether `write_whole` could write this file.

    It writes a megabyte beside the target and removes it, so that a full disk shows as well. The
    target itself is not touched.

    Raises:
        InputError: With the reason that `write_whole` would give.
    """
    target = _target(path)
    probe = target.with_name(f".nst_keras-{secrets.token_hex(8)}.tmp")
    try:
        _write_durably(probe, bytes(_PROBE_BYTES))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be written: {_reason(error)}") from error
    finally:
        with contextlib.suppress(OSError, ValueError):
            probe.unlink()


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


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    # The new name must survive a power cut too; not every file system or platform can promise it.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reason(error: Exception) -> str:
    text = (isinstance(error, OSError) and error.strerror) or str(error)
    return text[:1].lower() + text[1:]
