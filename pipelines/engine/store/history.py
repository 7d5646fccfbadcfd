"""What earlier executions made that a run may use again: questions to the metadata store."""

from collections.abc import Iterator

from pipelines.engine.stage import Approval
from pipelines.engine.store.rows import Execution, StoredArtifact, object_of
from pipelines.engine.store.store import Store

_LATELY = 1000  # runs that are looked through for what a node made last
_AT_ONCE = 20  # rows that are read before somebody wants more
_NO_NUMBER = 2**63 - 1  # larger than any

# CROSS JOIN fixes the order of the loops: back through the node's runs, until there are enough.
_LAST = """
SELECT execution.id FROM run_execution CROSS JOIN run ON run.id = run_execution.run
    CROSS JOIN execution ON execution.id = run_execution.execution
WHERE run_execution.node=? AND run.pipeline=? AND execution.state='complete'
ORDER BY run_execution.run DESC LIMIT ?
"""
_APPROVED = """
SELECT execution.id AS execution, event.source, artifact.* FROM execution
    CROSS JOIN event ON event.execution = execution.id AND event.role='input' AND event.name=?
    CROSS JOIN artifact ON artifact.id = event.artifact
WHERE execution.id < ? AND artifact.kind=? AND artifact.state='live'
    AND execution.state='complete' AND coalesce(
        (SELECT approves FROM judgement WHERE artifact = event.artifact ORDER BY id DESC LIMIT 1),
        json_extract(execution.record, ?))
    AND EXISTS (SELECT 1 FROM run_execution JOIN run ON run.id = run_execution.run
        WHERE run_execution.execution = execution.id AND run.pipeline=?)
ORDER BY execution.id DESC LIMIT ?
"""


def complete_executions(store: Store, fingerprint: str) -> list[Execution]:
    """Complete executions with a fingerprint, the last first."""
    query = "SELECT * FROM execution WHERE fingerprint=? AND state='complete' ORDER BY id DESC"
    return store.select(Execution, query, fingerprint)


def last_complete(store: Store, pipeline: str, node: str) -> Iterator[Execution]:
    """Complete executions that a pipeline's node did or took over lately, those of the last run first."""
    rows = store.connection.execute(_LAST, (node, pipeline, _LATELY)).fetchall()
    for number in dict.fromkeys(row["id"] for row in rows):
        yield store.read(Execution, number)


def approved(store: Store, pipeline: str, approval: Approval) -> Iterator[tuple[StoredArtifact, int | None]]:
    """Live artifacts that a pipeline approved, perhaps several times, the last first, and who made them.

    What a person says goes before what the pipeline says.
    """
    before, field = _NO_NUMBER, f"$.{approval.field}"
    while rows := store.connection.execute(
        _APPROVED, (approval.input, before, approval.kind, field, pipeline, _AT_ONCE)
    ).fetchall():
        yield from ((object_of(StoredArtifact, row), row["source"]) for row in rows)
        before = rows[-1]["execution"]
