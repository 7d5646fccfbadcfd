"""Folders of served models as TensorFlow Serving lays them out: `<name>/<version>/saved_model.pb`.

A pushed version also holds a manifest with the size and the SHA-256 of every file, so that damage shows.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.storage.files import open_file, sync, sync_folder, write_whole

SAVED_MODEL_FILE = "saved_model.pb"  # what makes a folder a SavedModel
MANIFEST_FILE = "push_manifest.json"

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Manifest:
    """What a push wrote: size in bytes and SHA-256 of the files by their paths in the version's folder.

    A version that was restored from another one has its number.
    """

    files: Mapping[str, tuple[int, str]]
    restored_from: int = 0

    def encode(self) -> bytes:
        """The manifest as JSON."""
        files = {name: {"size": size, "sha256": digest} for name, (size, digest) in self.files.items()}
        document = {"restored_from": self.restored_from, "files": files}
        return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def find_versions(folder: Path) -> dict[int, Path]:
    """Returns the versions in a model's folder, if there is one, by number, lowest first.

    Folders that are no SavedModel are left out. Raises OSError if the folder can't be listed.
    """
    try:
        paths = [path for path in folder.iterdir() if path.name.isdecimal()]
    except FileNotFoundError:
        return {}
    # Of 7 and 007 the plain one comes last and counts.
    paths.sort(key=lambda path: (int(path.name), -len(path.name)))
    return {int(path.name): path for path in paths if (path / SAVED_MODEL_FILE).is_file()}


def find_files(folder: Path) -> Iterator[Path]:
    """Yields the files of a SavedModel, sorted, but for a manifest; `saved_model.pb` comes last."""
    last = folder / SAVED_MODEL_FILE
    for root, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            if path not in (last, folder / MANIFEST_FILE):
                yield path
    yield last


def digest_file(path: Path) -> tuple[int, str]:
    """Returns the size in bytes and the SHA-256 of a file."""
    digest, size = hashlib.sha256(), 0
    with open_file(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def read_manifest(version_folder: Path) -> Manifest | None:
    """Reads a version's manifest; None if it has none, as versions that were copied by hand."""
    path = version_folder / MANIFEST_FILE
    if not path.exists():
        return None
    with open_file(path) as file:
        text = file.read()
    try:
        document: dict[str, Any] = json.loads(text)
        files = {name: (entry["size"], entry["sha256"]) for name, entry in document["files"].items()}
        return Manifest(files, document["restored_from"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is damaged: {error}") from error


def check_version(version_folder: Path) -> Manifest | None:
    """Compares a version with its manifest, if it has one, and returns that.

    Raises:
        InputError: If a file is missing, was changed or was added, with its name.
    """
    manifest = read_manifest(version_folder)
    if manifest is None:
        return None
    there = {str(path.relative_to(version_folder)): path for path in find_files(version_folder)}
    for name in sorted(manifest.files.keys() | there.keys()):
        if name not in manifest.files:
            raise InputError(f"{there[name]}: is not in {MANIFEST_FILE}")
        path = version_folder / name
        if not path.is_file():
            raise InputError(f"{path}: is missing, though {MANIFEST_FILE} names it")
        if digest_file(path) != manifest.files[name]:
            raise InputError(f"{path}: has another size or SHA-256 than {MANIFEST_FILE} says")
    return manifest


def copy_version(source: Path, target: Path, restored_from: int = 0) -> None:
    """Copies a SavedModel with a new manifest; every file reaches the disk, `saved_model.pb` last."""
    files: dict[str, tuple[int, str]] = {}
    target.mkdir()
    for path in find_files(source):
        name, digest = str(path.relative_to(source)), digest_file(path)
        files[name] = digest
        if name == SAVED_MODEL_FILE:
            write_whole(target / MANIFEST_FILE, Manifest(files, restored_from).encode())
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        sync(copy)
        if digest_file(copy) != digest:
            raise InputError(f"{path}: changed while it was copied")
    for root, _, _ in os.walk(target, topdown=False):
        sync_folder(Path(root))
