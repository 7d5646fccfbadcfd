"""Rows of the metadata store as objects."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

EXTERNAL = "ExternalData"  # kind of data from outside, which a stage read where it is

_COLUMNS = {"num_bytes": "bytes"}  # where they aren't called like the attributes
_JSON = ("files", "config", "code", "record", "nodes")


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


T = TypeVar("T", StoredArtifact, Execution, Run)


def object_of(kind: type[T], row: sqlite3.Row) -> T:
    """Makes an object of its row."""
    values: dict[str, Any] = {}
    for field in fields(kind):
        value = row[_COLUMNS.get(field.name, field.name)]
        values[field.name] = json.loads(value or "{}") if field.name in _JSON else value
    return kind(**values)
