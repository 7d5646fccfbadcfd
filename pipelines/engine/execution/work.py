"""One execution of a node: its folder of unfinished work, the stage's call, and what becomes of it."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from pipelines.engine.stage import Context, Node, Stopped
from pipelines.engine.store.artifact_files import folder_of, place, placing, seal
from pipelines.engine.store.database import FILE_NAME
from pipelines.engine.store.rows import Execution, StoredArtifact, Work
from pipelines.engine.store.store import Store

WORK = "work"  # folder of unfinished executions in a pipeline root


def work_folder(store: Store, fingerprint: str) -> Path:
    """Where an execution has its scratch folder, and its outputs until they are whole."""
    return store.root / WORK / fingerprint[:32]


def execute(
    store: Store, node: Node, work: Work, execution: int, context: Callable[[Path], Context]
) -> tuple[Mapping[str, Any], dict[str, StoredArtifact]]:
    """Calls a node's stage in an execution that has begun, and returns its record, and artifacts by name."""
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
        if told := _told(store, node, error):
            raise told from error
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return record, placed


def _end(store: Store, execution: int, state: str, reason: str = "") -> None:
    with contextlib.suppress(sqlite3.Error):  # a full disk must not hide what happened
        store.end(Execution, execution, state, reason)


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
