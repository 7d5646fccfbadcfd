"""Artifacts on disk: made in a work folder, then published under the digest of their contents, for good."""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from nst_keras.storage.files import sync, sync_folder
from pipelines.engine.store.database import root_lock
from pipelines.engine.store.digests import Tree, find_files, read_tree
from pipelines.engine.store.rows import StoredArtifact
from pipelines.engine.store.store import Store

ARTIFACTS, DAMAGED = "artifacts", "damaged"
_DIGITS = 32  # of a digest's 64, enough to tell contents apart


def folder_of(store: Store, artifact: StoredArtifact) -> Path:
    """Where an artifact is."""
    return store.root / artifact.path  # an absolute path stays what it is


def placing(store: Store) -> AbstractContextManager[None]:
    """Holds off whoever removes artifacts, until those that are being placed are known to be needed."""
    return root_lock(store.root / ARTIFACTS)


def seal(folder: Path) -> Tree:
    """Makes a finished folder ready to be placed: files become read-only and reach the disk."""
    tree = read_tree(folder)
    for _, file in find_files(folder):
        sync(file)
        file.chmod(0o444)
    return tree


def place(store: Store, kind: str, sealed: Path, tree: Tree) -> StoredArtifact:
    """Gives a sealed folder its place and name, inside `placing`; what has equal contents is kept once."""
    path = Path(ARTIFACTS) / kind / tree.digest[:_DIGITS]
    target = store.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and read_tree(target).digest != tree.digest:
        set_aside(store, target)
    if target.exists():
        shutil.rmtree(sealed)
    else:
        sealed.rename(target)
    sync_folder(target.parent)
    return store.add_artifact(kind, tree.digest, path.as_posix(), tree.num_bytes, tree.files)


def check(store: Store, artifact: StoredArtifact, *, thoroughly: bool, say: Callable[[str], None]) -> bool:
    """Whether an artifact is there as it was made; says what is wrong, and sets it aside if it is damaged.

    Every file is read if that is to be told thoroughly, else those whose size or time differs from the last.
    """
    folder = folder_of(store, artifact)
    if artifact.state != "live" or not folder.is_dir():
        if artifact.state == "live":
            say(f"{folder}: is lost; it will be made again")
            store.set_artifact_state(artifact.id, "lost")
        return False
    wrong = _first_wrong(store, artifact, folder, thoroughly)
    if not wrong:
        return True
    with placing(store):
        if not folder.is_dir():  # another run saw it, too
            return False
        aside = set_aside(store, folder)
        store.set_artifact_state(artifact.id, "damaged")
    say(f"{folder / wrong}: isn't as it was made; {folder.name} is now in {aside} and will be made again")
    return False


def set_aside(store: Store, folder: Path) -> Path:
    """Moves a damaged artifact away, for whoever wants to look at it."""
    aside = store.root / DAMAGED
    aside.mkdir(exist_ok=True)
    number = 1
    while (aside / f"{folder.name}-{number}").exists():
        number += 1
    return folder.rename(aside / f"{folder.name}-{number}")


def remove(store: Store, artifact: StoredArtifact) -> None:
    """Removes an artifact's files, inside `placing`; the store goes on knowing it."""
    if Path(artifact.path).is_absolute():
        raise ValueError(f"{artifact.path} isn't an artifact that a stage made")
    folder = folder_of(store, artifact)
    store.set_artifact_state(artifact.id, "collected")
    if folder.is_dir():
        doomed = folder.with_name(f".{folder.name}.removed")
        shutil.rmtree(doomed, ignore_errors=True)
        folder.rename(doomed)  # so that no half-removed artifact keeps its name
        shutil.rmtree(doomed, ignore_errors=True)


def _first_wrong(store: Store, artifact: StoredArtifact, folder: Path, thoroughly: bool) -> str:
    there = dict(find_files(folder))
    for name in sorted(there.keys() ^ artifact.files.keys()):
        return name
    for name, (size, digest) in artifact.files.items():
        if there[name].stat().st_size != size:
            return name
        if (read_tree(there[name]).files[""][1] if thoroughly else store.digest(there[name])) != digest:
            return name
    return ""
