"""What artifacts were made from and what was made of them: questions to the metadata store.

Executions are followed, not contents. A blessing of one model has the same contents as that of another and
is one artifact with it, but what is pushed with it rests on its own model alone: each input event says which
execution's output it took. SQLite answers each question by its indices, in one query.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.engine.store.rows import Execution, StoredArtifact, object_of
from pipelines.engine.store.store import Store

_ANCESTORS = """
WITH RECURSIVE found(execution) AS (
    SELECT value FROM json_each(?)
    UNION SELECT event.source FROM found JOIN event USING (execution)
    WHERE event.role = 'input' AND event.source IS NOT NULL
) SELECT execution FROM found ORDER BY execution DESC
"""
_DESCENDANTS = """
WITH RECURSIVE found(execution) AS (
    SELECT value FROM json_each(?)
    UNION SELECT event.execution FROM found JOIN event ON event.source = found.execution
) SELECT execution FROM found ORDER BY execution
"""
_OF_ARTIFACT = "SELECT DISTINCT execution FROM event WHERE artifact=? AND role=? ORDER BY execution DESC"


@dataclass(frozen=True)
class Taken:
    """An input of an execution.

    Attributes:
        artifact: Number of the artifact.
        source: The execution that made it; None for data from outside.
    """

    artifact: int
    source: int | None


@dataclass(frozen=True)
class Lineage:
    """Executions, what they took and what they made.

    Attributes:
        executions: By number.
        artifacts: All that they took or made, by number.
        inputs: By execution and name.
        outputs: Numbers of artifacts by execution and name.
    """

    executions: Mapping[int, Execution]
    artifacts: Mapping[int, StoredArtifact]
    inputs: Mapping[int, Mapping[str, Taken]]
    outputs: Mapping[int, Mapping[str, int]]


def find_makers(store: Store, artifact: int) -> list[int]:
    """Executions that made an artifact, the last first: several where contents were equal."""
    return _numbers(store, _OF_ARTIFACT, artifact, "output")


def find_users(store: Store, artifact: int) -> list[int]:
    """Executions that took an artifact as an input, the last first."""
    return _numbers(store, _OF_ARTIFACT, artifact, "input")


def find_ancestors(store: Store, executions: Iterable[int]) -> list[int]:
    """Executions with all whose outputs they took, directly or not; each after those that took from it."""
    return _numbers(store, _ANCESTORS, json.dumps(list(executions)))


def find_descendants(store: Store, executions: Iterable[int]) -> list[int]:
    """Executions with all that took their outputs, directly or not; each after those that it took from."""
    return _numbers(store, _DESCENDANTS, json.dumps(list(executions)))


def find_inputs(store: Store, executions: Iterable[int]) -> set[int]:
    """Numbers of all artifacts that these executions took."""
    query = (
        "SELECT DISTINCT artifact FROM json_each(?) JOIN event ON event.execution = value WHERE role='input'"
    )
    return set(_numbers(store, query, json.dumps(list(executions))))


def read_lineage(store: Store, executions: Iterable[int]) -> Lineage:
    """Reads all about these executions."""
    wanted = json.dumps(list(executions))
    query = "SELECT * FROM execution WHERE id IN (SELECT value FROM json_each(?))"
    rows = store.connection.execute(query, (wanted,)).fetchall()
    found = {row["id"]: object_of(Execution, row) for row in rows}
    inputs: dict[int, dict[str, Taken]] = {number: {} for number in found}
    outputs: dict[int, dict[str, int]] = {number: {} for number in found}
    query = "SELECT event.* FROM event WHERE execution IN (SELECT value FROM json_each(?)) ORDER BY name"
    events = store.connection.execute(query, (wanted,)).fetchall()
    for event in events:
        if event["role"] == "input":
            inputs[event["execution"]][event["name"]] = Taken(event["artifact"], event["source"])
        else:
            outputs[event["execution"]][event["name"]] = event["artifact"]
    numbers = json.dumps(sorted({event["artifact"] for event in events}))
    query = "SELECT * FROM artifact WHERE id IN (SELECT value FROM json_each(?))"
    rows = store.connection.execute(query, (numbers,)).fetchall()
    return Lineage(found, {row["id"]: object_of(StoredArtifact, row) for row in rows}, inputs, outputs)


def _numbers(store: Store, query: str, *values: Any) -> list[int]:
    return [row[0] for row in store.connection.execute(query, values).fetchall()]
