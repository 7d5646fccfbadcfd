"""Rows of the metadata store as objects."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EXTERNAL = "ExternalData"  # kind of data from outside, which a stage read where it is


@dataclass(frozen=True)
class StoredArtifact:
    """An artifact's row.

    Attributes:
        id: Number in this store.
        kind: Name of its class.
        digest: SHA-256 of its contents.
        path: Its folder, inside the pipeline root unless it is absolute (data from outside).
        num_bytes: Size of all its files.
        files: Size and SHA-256 by path inside.
        created: When it was first made.
        state: "live", "collected" (removed as garbage), "lost" or "damaged".
    """

    id: int
    kind: str
    digest: str
    path: str
    num_bytes: int
    files: Mapping[str, Sequence[Any]]
    created: float
    state: str


@dataclass(frozen=True)
class Work:
    """What an execution is to do, and all that its outputs follow from.

    Attributes:
        node: Name of the node.
        stage: Address of the stage.
        fingerprint: Of all the rest, in one number.
        config: The stage's config.
        code: Digest of the code, versions of the libraries.
        inputs: Artifacts by name.
        sources: By the inputs' names the executions that made them; none for data from outside.
    """

    node: str
    stage: str
    fingerprint: str
    config: Mapping[str, Any]
    code: Mapping[str, Any]
    inputs: Mapping[str, StoredArtifact]
    sources: Mapping[str, int]


@dataclass(frozen=True)
class Execution:
    """An execution's row; `state` is running, complete, failed, stopped or killed."""

    id: int
    run: int
    pipeline: str
    node: str
    stage: str
    fingerprint: str
    config: Mapping[str, Any]
    code: Mapping[str, Any]
    state: str
    started: float
    ended: float | None
    record: Mapping[str, Any]
    error: str | None


@dataclass(frozen=True)
class Run:
    """A run's row; `state` is running, complete, failed, stopped or killed; see `Store.begin_run`."""

    id: int
    pipeline: str
    command: str
    version: str
    host: str
    started: float
    ended: float | None
    state: str
    error: str | None
    nodes: Sequence[Mapping[str, Any]]


def artifact_of(row: sqlite3.Row) -> StoredArtifact:
    """Makes an artifact of its row."""
    values: dict[str, Any] = {
        name: row[name] for name in ("id", "kind", "digest", "path", "created", "state")
    }
    return StoredArtifact(**values, num_bytes=row["bytes"], files=json.loads(row["files"]))


def execution_of(row: sqlite3.Row) -> Execution:
    """Makes an execution of its row."""
    plain = ("id", "run", "pipeline", "node", "stage", "fingerprint", "state", "started", "ended", "error")
    values: dict[str, Any] = {name: row[name] for name in plain}
    values |= {name: json.loads(row[name] or "{}") for name in ("config", "code", "record")}
    return Execution(**values)


def run_of(row: sqlite3.Row) -> Run:
    """Makes a run of its row."""
    plain = ("id", "pipeline", "command", "version", "host", "started", "ended", "state", "error")
    values: dict[str, Any] = {name: row[name] for name in plain}
    return Run(**values, nodes=json.loads(row["nodes"]))
