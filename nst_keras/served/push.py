"""Pushing: a SavedModel becomes the newest version of a served model, whole or not at all."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nst_keras.errors import InputError
from nst_keras.served.store import SAVED_MODEL_FILE, check_version, copy_version, find_versions, read_manifest
from nst_keras.storage.cache import locked
from nst_keras.storage.files import is_temporary, sync_folder, temporary_path, write_whole

DEFAULT_KEEP = 3  # versions that a push leaves

_RECORD = ".last_version"  # highest number ever given, so that none is given twice
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def push(
    saved_model_dir: str | os.PathLike[str],
    serving_dir: str | os.PathLike[str],
    name: str,
    *,
    keep: int = DEFAULT_KEEP,
    version: int = 0,
) -> Path:
    """Copies a SavedModel to `<serving_dir>/<name>/<version>/`, where a model server finds it; returns that.

    The files go to a hidden folder beside the target, `saved_model.pb` last, reach the disk, and get their
    name in one step: a server never sees half a version. Of two pushes at once one waits for the other.

    Args:
        saved_model_dir: A folder with a `saved_model.pb`.
        serving_dir: Where the models are; made when missing.
        name: The model's name, as in the server's addresses.
        keep: Versions to leave, the newest; older ones are removed. 0: all.
        version: Number of the new version, above all that there were; 0: the next one.

    Raises:
        InputError: If there is no SavedModel, it is damaged, or the version can't be written or exists.
    """
    source = Path(saved_model_dir)
    if not (source / SAVED_MODEL_FILE).is_file():
        raise InputError(f"{source}: is not a SavedModel: there is no {SAVED_MODEL_FILE} in it")
    check_version(source)
    with _model_folder(serving_dir, name) as folder:
        return _add(source, folder, keep=keep, version=version, restored_from=0)


def rollback(
    serving_dir: str | os.PathLike[str], name: str, *, to: int = 0, keep: int = DEFAULT_KEEP
) -> Path:
    """Makes a version, or without `to` the one before the current one, the newest by pushing a copy of it.

    Servers serve the highest number, so this needs nothing but the folder, and every server follows in its
    own time without a gap. Rolling back twice goes back two versions. Returns the new version's folder.

    Raises:
        InputError: If there is no such version, or it is damaged.
    """
    with _model_folder(serving_dir, name, must_exist=True) as folder:
        versions = find_versions(folder)
        wanted = to or _previous(folder, versions)
        if wanted not in versions:
            there = ", ".join(map(str, versions)) or "none"
            raise InputError(f"to must be a version of {name}: {there}. Received: to={wanted}")
        manifest = check_version(versions[wanted])
        origin = (manifest.restored_from if manifest else 0) or wanted
        return _add(versions[wanted], folder, keep=keep, version=0, restored_from=origin)


def _previous(folder: Path, versions: dict[int, Path]) -> int:
    """The version before the current one; of a restored one, before the one that it restored."""
    if versions:
        current = max(versions)
        manifest = read_manifest(versions[current])
        origin = (manifest.restored_from if manifest else 0) or current
        older = [number for number in versions if number < origin]
        if older:
            return max(older)
    there = ", ".join(map(str, versions)) or "no version"
    raise InputError(f"{folder}: there is no older version to go back to. Received: {there}")


@contextmanager
def _model_folder(
    serving_dir: str | os.PathLike[str], name: str, *, must_exist: bool = False
) -> Iterator[Path]:
    """The model's folder while no other push works on it, without what killed ones left."""
    if not _NAME.fullmatch(name):
        raise InputError(f"name must be letters, digits, '_', '-' and '.'. Received: name={name}")
    folder = Path(serving_dir) / name
    if must_exist and not folder.is_dir():
        raise InputError(f"{folder}: does not exist")
    with locked(folder / ".push", use="model folder", remedy="choose a folder that can be written"):
        for path in folder.iterdir():
            if is_temporary(path):
                shutil.rmtree(path, ignore_errors=True)
        yield folder


def _add(source: Path, folder: Path, *, keep: int, version: int, restored_from: int) -> Path:
    if keep < 0:
        raise InputError(f"keep must be at least 0. Received: keep={keep}")
    highest = _highest(folder)
    if version and version <= highest:
        raise InputError(f"version must be above {highest}, the highest so far. Received: version={version}")
    number = version or highest + 1
    temporary = temporary_path(folder)
    try:
        copy_version(source, temporary, restored_from)
        write_whole(folder / _RECORD, f"{number}\n".encode())
        temporary.rename(folder / str(number))  # fails if, without the lock, somebody else was faster
        sync_folder(folder)
    except OSError as error:
        raise InputError(f"{folder / str(number)}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if keep:
        _prune(folder, keep)
    return folder / str(number)


def _highest(folder: Path) -> int:
    """The highest number that there is or was, whether or not the folder holds a whole SavedModel."""
    numbers = [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]
    with suppress(FileNotFoundError, ValueError):
        numbers.append(int((folder / _RECORD).read_text()))
    return max(numbers, default=0)


def _prune(folder: Path, keep: int) -> None:
    for path in list(find_versions(folder).values())[:-keep]:
        doomed = temporary_path(folder)
        path.rename(doomed)  # so that no half-removed version keeps its number
        shutil.rmtree(doomed, ignore_errors=True)
