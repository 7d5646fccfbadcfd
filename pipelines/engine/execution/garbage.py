"""Removes artifacts that nothing needs, beside runs that go on.

Kept are, with everything that they were made from: the roots, such as models that still are served; what the
last runs of each pipeline did or took over; what runs that still go on need; and what each pipeline approved
last. Unfinished work stays where one of those runs would go on from it, and so does what the memo has been
asked for since the first of their executions began. Placing artifacts and
removing them exclude each other (`artifact_files.placing`), so that nothing that was just placed is taken for
garbage; and a run takes over an artifact only if it still is live.
"""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from nst_keras.storage.files import is_temporary
from pipelines.engine.execution.pieces import MEMO
from pipelines.engine.execution.work import WORK, work_folder
from pipelines.engine.memo import LIST
from pipelines.engine.stage import Approval
from pipelines.engine.store.ancestry import find_ancestors, find_artifacts, find_executions
from pipelines.engine.store.artifact_files import ARTIFACTS, DAMAGED, folder_of, placing, remove
from pipelines.engine.store.digests import find_files
from pipelines.engine.store.history import approved
from pipelines.engine.store.rows import EXTERNAL, StoredArtifact
from pipelines.engine.store.store import Store

_APPROVED = 2  # the last one is compared with the one before it

_KEPT = """
SELECT id FROM (
    SELECT id, state, row_number() OVER (PARTITION BY pipeline ORDER BY id DESC) AS age FROM run
) WHERE age <= ? OR state = 'running'
"""


@dataclass(frozen=True)
class Removed:
    """Something that was removed, or would be."""

    what: str
    num_bytes: int


def collect(
    store: Store,
    is_root: Callable[[StoredArtifact], bool],
    approval: Approval,
    *,
    keep_runs: int,
    damaged: bool = False,
    dry_run: bool = False,
) -> Iterator[Removed]:
    """Removes what nothing needs, or nothing in a dry run, and yields it.

    `is_root` says whether something outside the pipeline root needs a live artifact, and `approval` what each
    pipeline compares its next artifact with. If asked for, the folder of damaged artifacts goes, too.
    """
    store.bury_runs()
    yield from _collect_work(store, keep_runs, dry_run=dry_run)
    yield from _collect_memo(store, keep_runs, dry_run=dry_run)
    with placing(store):
        needed = _needed(store, is_root, approval, keep_runs)
        for artifact in live_artifacts(store):
            if artifact.id not in needed and artifact.kind != EXTERNAL:
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
    return store.select(StoredArtifact, "SELECT * FROM artifact WHERE state='live' ORDER BY id")


def _needed(
    store: Store, is_root: Callable[[StoredArtifact], bool], approval: Approval, keep_runs: int
) -> set[int]:
    roots = {artifact.id for artifact in live_artifacts(store) if is_root(artifact)}
    for row in store.connection.execute("SELECT DISTINCT pipeline FROM run").fetchall():
        last: set[int] = set()
        for artifact, _ in approved(store, row["pipeline"], approval):
            last.add(artifact.id)
            if len(last) == _APPROVED:
                break
        roots |= last
    query = f"SELECT DISTINCT execution FROM run_execution WHERE run IN ({_KEPT})"
    executions = [row["execution"] for row in store.connection.execute(query, (keep_runs,))]
    makers = [maker for root in roots for maker in find_executions(store, root, "output")]
    inputs = find_artifacts(store, find_ancestors(store, executions + makers), "input")
    return roots | find_artifacts(store, executions, "output") | inputs


def _collect_work(store: Store, keep_runs: int, *, dry_run: bool) -> Iterator[Removed]:
    """Folders of unfinished executions, but for those of the last runs and those that somebody holds."""
    query = (
        f"SELECT fingerprint FROM execution WHERE run IN ({_KEPT}) AND state != 'complete'"
        " AND fingerprint NOT IN (SELECT fingerprint FROM execution WHERE state='complete')"
    )
    rows = store.connection.execute(query, (keep_runs,))
    unfinished = {work_folder(store, row["fingerprint"]).name for row in rows}
    for folder in sorted((store.root / WORK).glob("*")):
        if not folder.is_dir() or folder.name in unfinished:
            continue
        lock = filelock.FileLock(folder.with_name(folder.name + ".lock"))
        with contextlib.suppress(filelock.Timeout), lock.acquire(blocking=False):
            yield _removed(folder, dry_run=dry_run)


def _collect_memo(store: Store, keep_runs: int, *, dry_run: bool) -> Iterator[Removed]:
    """What no execution of the last runs asked the memo for, taken together."""
    query = (
        "SELECT min(execution.started) FROM run_execution JOIN execution ON execution.id = execution"
        f" WHERE run_execution.run IN ({_KEPT})"
    )
    (began,) = store.connection.execute(query, (keep_runs,)).fetchone()
    entries: dict[str, list[Path]] = {}
    for path in sorted((store.root / MEMO).glob("*"), key=lambda path: path.suffix != LIST):
        key = path.name if is_temporary(path) else path.name.partition(".")[0]
        entries.setdefault(key, []).append(path)
    count = size = 0
    for paths in entries.values():
        with contextlib.suppress(FileNotFoundError):  # another run is replacing it
            stats = [path.stat() for path in paths]
            if began is not None and max(stat.st_mtime for stat in stats) >= began:
                continue
            count, size = count + 1, size + sum(stat.st_size for stat in stats)
            for path in () if dry_run else paths:  # the list first, so that nobody takes half an entry
                path.unlink()
    if count:
        yield Removed(f"{store.root / MEMO} (parts of former runs: {count})", size)


def _collect_unknown(store: Store, *, dry_run: bool) -> Iterator[Removed]:
    """Folders that a run placed and didn't come to write down, and half-removed ones."""
    query = "SELECT path FROM artifact WHERE state IN ('live', 'lost')"
    known = {row["path"] for row in store.connection.execute(query)}
    for folder in sorted((store.root / ARTIFACTS).glob("*/*")):
        if folder.is_dir() and folder.relative_to(store.root).as_posix() not in known:
            yield _removed(folder, dry_run=dry_run)


def _removed(folder: Path, *, dry_run: bool) -> Removed:
    size = sum(file.stat().st_size for _, file in find_files(folder))
    if not dry_run:
        shutil.rmtree(folder, ignore_errors=True)
    return Removed(str(folder), size)
