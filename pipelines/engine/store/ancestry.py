"""What artifacts were made from and what was made of them: questions to the metadata store.

Executions are followed, not contents. A blessing of one model has the same contents as that of another and
is one artifact with it, but what is pushed with it rests on its own model alone: each input event says which
execution's output it took. SQLite answers each question by its indices, in one query.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.engine.store.rows import Execution, Judgement, StoredArtifact
from pipelines.engine.store.store import Store

_ANCESTORS = """
WITH RECURSIVE related(execution) AS (
    SELECT value FROM json_each(?)
    UNION SELECT event.source FROM related JOIN event USING (execution)
    WHERE event.role = 'input' AND event.source IS NOT NULL
) SELECT execution FROM related ORDER BY execution DESC
"""
_DESCENDANTS = """
WITH RECURSIVE related(execution) AS (
    SELECT value FROM json_each(?)
    UNION SELECT event.execution FROM related JOIN event ON event.source = related.execution
) SELECT execution FROM related ORDER BY execution
"""
_AMONG = "IN (SELECT value FROM json_each(?))"
_OF_ARTIFACT = "SELECT DISTINCT execution FROM event WHERE artifact=? AND role=? ORDER BY execution DESC"


@dataclass(frozen=True)
class Taken:
    """An input of an execution."""

    artifact: int  # its number
    source: int | None  # the execution that made it; None for data from outside


@dataclass(frozen=True)
class Lineage:
    """Executions, what they took and what they made."""

    executions: Mapping[int, Execution]
    artifacts: Mapping[int, StoredArtifact]  # all that they took or made
    inputs: Mapping[int, Mapping[str, Taken]]  # by execution and name
    outputs: Mapping[int, Mapping[str, int]]  # artifacts by execution and name
    judgements: Mapping[int, Sequence[Judgement]]  # by artifact what persons said, the first first


def find_executions(store: Store, artifact: int, role: str) -> list[int]:
    """Executions that took an artifact ("input") or made equal contents ("output"), the last first."""
    return _numbers(store, _OF_ARTIFACT, artifact, role)


def find_ancestors(store: Store, executions: Iterable[int]) -> list[int]:
    """Executions with all whose outputs they took, directly or not; each after those that took from it."""
    return _numbers(store, _ANCESTORS, json.dumps(list(executions)))


def find_descendants(store: Store, executions: Iterable[int]) -> list[int]:
    """Executions with all that took their outputs, directly or not; each after those that it took from."""
    return _numbers(store, _DESCENDANTS, json.dumps(list(executions)))


def find_artifacts(store: Store, executions: Iterable[int], role: str) -> set[int]:
    """Numbers of all artifacts that these executions took ("input") or made ("output")."""
    query = "SELECT DISTINCT artifact FROM json_each(?) JOIN event ON event.execution = value WHERE role=?"
    return set(_numbers(store, query, json.dumps(list(executions)), role))


def read_lineage(store: Store, executions: Iterable[int]) -> Lineage:
    """Reads all about these executions."""
    wanted = json.dumps(list(executions))
    rows = store.select(Execution, f"SELECT * FROM execution WHERE id {_AMONG}", wanted)
    inputs: dict[int, dict[str, Taken]] = {execution.id: {} for execution in rows}
    outputs: dict[int, dict[str, int]] = {execution.id: {} for execution in rows}
    query = f"SELECT event.* FROM event WHERE execution {_AMONG} ORDER BY name"
    events = store.connection.execute(query, (wanted,)).fetchall()
    for event in events:
        if event["role"] == "input":
            inputs[event["execution"]][event["name"]] = Taken(event["artifact"], event["source"])
        else:
            outputs[event["execution"]][event["name"]] = event["artifact"]
    numbers = json.dumps(sorted({event["artifact"] for event in events}))
    artifacts = store.select(StoredArtifact, f"SELECT * FROM artifact WHERE id {_AMONG}", numbers)
    query = f"SELECT * FROM judgement WHERE artifact {_AMONG} ORDER BY id"
    judgements: dict[int, list[Judgement]] = {}
    for judgement in store.select(Judgement, query, numbers):
        judgements.setdefault(judgement.artifact, []).append(judgement)
    known = {row.id: row for row in artifacts}
    return Lineage({row.id: row for row in rows}, known, inputs, outputs, judgements)


def _numbers(store: Store, query: str, *values: Any) -> list[int]:
    return [row[0] for row in store.connection.execute(query, values).fetchall()]
