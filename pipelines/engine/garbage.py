"""Removes artifacts that nothing needs, beside runs that go on.

Kept are, with everything that they were made from: what pushed models that still are served rest on, what the
last runs of each pipeline did or took over, what runs that still go on need, and each pipeline's models that
were blessed last. Placing artifacts and removing them exclude each other (`artifact_files.placing`), so that
nothing that was just placed is taken for garbage; and a run takes over an artifact only if it still is live.
"""

import contextlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from pipelines.engine.artifact_files import ARTIFACTS, DAMAGED, folder_of, placing, remove
from pipelines.engine.artifacts import ExternalData
from pipelines.engine.digests import find_files
from pipelines.engine.runner import WORK
from pipelines.engine.store import Store, StoredArtifact

_BLESSED = 2  # the last one is compared with the one before it

_ANCESTORS = """
WITH RECURSIVE needed(artifact) AS (
    SELECT value FROM json_each(?)
    UNION SELECT source.artifact FROM needed
    JOIN event AS made ON made.artifact = needed.artifact AND made.role = 'output'
    JOIN event AS source ON source.execution = made.execution AND source.role = 'input'
) SELECT artifact FROM needed
"""


@dataclass(frozen=True)
class Removed:
    """Something that was removed, or would be."""

    what: str
    num_bytes: int


def collect(
    store: Store,
    pushed: Callable[[StoredArtifact], bool],
    *,
    keep_runs: int,
    damaged: bool = False,
    dry_run: bool = False,
) -> Iterator[Removed]:
    """Removes what nothing needs, and yields it.

    Args:
        store: The store.
        pushed: Whether a live PushedModel's version still is where it was pushed to.
        keep_runs: How many of each pipeline's last runs to keep.
        damaged: Remove the folder of damaged artifacts, too.
        dry_run: Remove nothing.
    """
    store.bury_runs()
    yield from _collect_work(store, dry_run=dry_run)
    with placing(store):
        needed = _needed(store, pushed, keep_runs)
        for artifact in live_artifacts(store):
            if artifact.id not in needed and artifact.kind != ExternalData.__name__:
                if not dry_run:
                    remove(store, artifact)
                folder = folder_of(store, artifact)
                yield Removed(f"{folder} (artifact {artifact.id})", artifact.num_bytes)
        yield from _collect_unknown(store, dry_run=dry_run)
    aside = store.root / DAMAGED
    if damaged and aside.is_dir():
        yield _removed(aside, dry_run=dry_run)


def live_artifacts(store: Store) -> list[StoredArtifact]:
    """All artifacts that are there."""
    rows = store.connection.execute("SELECT id FROM artifact WHERE state='live' ORDER BY id").fetchall()
    return [store.artifact(row["id"]) for row in rows]


def _needed(store: Store, pushed: Callable[[StoredArtifact], bool], keep_runs: int) -> set[int]:
    roots = {each.id for each in live_artifacts(store) if each.kind == "PushedModel" and pushed(each)}
    pipelines = [
        row["pipeline"] for row in store.connection.execute("SELECT DISTINCT pipeline FROM execution")
    ]
    for pipeline in pipelines:
        models = dict.fromkeys(model.id for model in store.blessed_models(pipeline))
        roots.update(list(models)[:_BLESSED])
    roots.update(_of_runs(store, keep_runs))
    return {row["artifact"] for row in store.connection.execute(_ANCESTORS, (json.dumps(sorted(roots)),))}


def _of_runs(store: Store, keep_runs: int) -> Iterator[int]:
    """Artifacts of the last runs, of those that go on, and of executions that go on."""
    query = """
        WITH kept AS (
            SELECT id FROM (
                SELECT id, state, row_number() OVER (PARTITION BY pipeline ORDER BY id DESC) AS age FROM run
            ) WHERE age <= ? OR state = 'running'
        )
        SELECT DISTINCT artifact FROM event JOIN run_execution USING (execution) WHERE run IN (SELECT id FROM kept)
    """
    for row in store.connection.execute(query, (keep_runs,)):
        yield row["artifact"]


def _collect_work(store: Store, *, dry_run: bool) -> Iterator[Removed]:
    """Folders of executions that were killed or failed; those that somebody holds stay."""
    for folder in sorted((store.root / WORK).glob("*")):
        if not folder.is_dir():
            continue
        lock = filelock.FileLock(folder.with_name(folder.name + ".lock"), blocking=False)
        with contextlib.suppress(filelock.Timeout), lock:
            yield _removed(folder, dry_run=dry_run)


def _collect_unknown(store: Store, *, dry_run: bool) -> Iterator[Removed]:
    """Folders that a run placed and didn't come to write down, and half-removed ones."""
    query = "SELECT path FROM artifact WHERE state IN ('live', 'lost')"
    known = {row["path"] for row in store.connection.execute(query)}
    for folder in sorted((store.root / ARTIFACTS).glob("*/*")):
        if folder.is_dir() and folder.relative_to(store.root).as_posix() not in known:
            yield _removed(folder, dry_run=dry_run)


def _removed(folder: Path, *, dry_run: bool) -> Removed:
    size = sum(_sizes(folder))
    if not dry_run:
        shutil.rmtree(folder, ignore_errors=True)
    return Removed(str(folder), size)


def _sizes(folder: Path) -> Iterable[int]:
    return (file.stat().st_size for _, file in find_files(folder))
