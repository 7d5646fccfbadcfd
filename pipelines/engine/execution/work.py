"""One execution of a node: its folder of unfinished work, the stage's call, and what becomes of it."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.storage.cache import locked
from pipelines.engine.stage import Context, Node, Stopped
from pipelines.engine.store.artifact_files import folder_of, place, placing, seal
from pipelines.engine.store.database import FILE_NAME
from pipelines.engine.store.rows import StoredArtifact, Work
from pipelines.engine.store.store import Store

WORK = "work"  # folder of unfinished executions in a pipeline root


def work_folder(store: Store, fingerprint: str) -> Path:
    """Where an execution has its scratch folder, and its outputs until they are whole."""
    return store.root / WORK / fingerprint[:32]


@contextmanager
def held(store: Store, fingerprint: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds an execution's folder: of several runs that want the same one does it, and the others wait."""
    folder = work_folder(store, fingerprint)
    with locked(folder, use="pipeline root", remedy="choose a --pipeline_root", waiting=waiting):
        yield


def execute(
    store: Store, node: Node, work: Work, execution: int, context: Callable[[Path], Context]
) -> tuple[Mapping[str, Any], dict[str, StoredArtifact]]:
    """Calls a node's stage, and keeps what it made.

    Args:
        store: Where to.
        node: The node.
        work: What it is given.
        execution: Number of the execution that has begun.
        context: Makes the context of a scratch folder.

    Returns:
        The stage's record, and the artifacts by name.
    """
    folder = work_folder(store, work.fingerprint)
    inputs = {name: folder_of(store, work.inputs[name]) for name in node.inputs if name in work.inputs}
    outputs = {name: folder / "outputs" / name for name in node.stage.outputs}
    try:
        shutil.rmtree(folder / "outputs", ignore_errors=True)
        record = node.stage.run(node.config, context((folder / "scratch").resolve()), inputs, outputs)
        trees = {name: seal(path) for name, path in outputs.items()}
        kinds = {name: parameter.kind.__name__ for name, parameter in node.stage.outputs.items()}
        with placing(store):
            placed = {name: place(store, kinds[name], outputs[name], tree) for name, tree in trees.items()}
            store.complete_execution(execution, placed, record)
    except (Stopped, KeyboardInterrupt):
        _end(store, execution, "stopped")
        raise
    except BaseException as error:
        _end(store, execution, "failed", reason_of(error))
        told = _told(store, node, error)
        if told is None:
            raise
        raise told from error
    shutil.rmtree(folder, ignore_errors=True)
    return record, placed


def _end(store: Store, execution: int, state: str, reason: str = "") -> None:
    with contextlib.suppress(sqlite3.Error):  # a full disk must not hide what happened
        store.end_execution(execution, state, reason)


def _told(store: Store, node: Node, error: BaseException) -> InputError | None:
    """An error in words for the user; None for a bug."""
    if isinstance(error, InputError):
        return InputError(f"{node.name}: {error}")
    if isinstance(error, OSError):
        where, what = error.filename, error.strerror or str(error)
    elif isinstance(error, sqlite3.Error):
        where, what = store.root / FILE_NAME, str(error)
    else:
        return None
    return InputError(
        f"{node.name}: {f'{where}: ' if where else ''}{what}; finished stages are kept, and the same "
        "command goes on from here"
    )


def reason_of(error: BaseException) -> str:
    """Why something ended, as it is kept."""
    return str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
