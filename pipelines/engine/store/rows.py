"""Rows of the metadata store as objects."""

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

EXTERNAL = "ExternalData"  # kind of data from outside, which a stage read where it is

_COLUMNS = {"num_bytes": "bytes"}  # where they aren't called like the attributes
_JSON = ("files", "config", "code", "record", "nodes")


@dataclass(frozen=True)
class StoredArtifact:
    """An artifact's row; `state` is live, collected (removed as garbage), lost or damaged."""

    id: int
    kind: str  # name of its class
    digest: str  # SHA-256 of its contents
    path: str  # of its folder, inside the pipeline root unless it is absolute (data from outside)
    num_bytes: int
    files: Mapping[str, Sequence[Any]]  # size and SHA-256 by path inside
    created: float
    state: str


@dataclass(frozen=True)
class Work:
    """What an execution is to do, and all that its outputs follow from."""

    node: str
    stage: str  # its address
    fingerprint: str  # of all the following, in one number
    config: Mapping[str, Any]
    code: Mapping[str, Any]  # its digest, versions of the libraries
    inputs: Mapping[str, StoredArtifact]
    sources: Mapping[str, int]  # by input the execution that made it; none for data from outside


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


@dataclass(frozen=True)
class Judgement:
    """What a person says of an artifact, whatever the stages say; of several the last counts."""

    id: int
    artifact: int  # its number
    approves: int  # 1, or 0 for one that is revoked
    who: str
    why: str
    made: float

    def __str__(self) -> str:
        """The judgement in words."""
        return f"{('revoked', 'approved')[self.approves]} by {self.who}: {self.why}"


T = TypeVar("T", StoredArtifact, Execution, Run, Judgement)
TABLES: Mapping[type, str] = {StoredArtifact: "artifact", Execution: "execution", Run: "run"}


def format_time(seconds: float) -> str:
    """A time since 1970 as people here write it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def seconds_of(row: Execution | Run) -> str:
    """How long something took; empty if it hasn't ended."""
    return f"{row.ended - row.started:.1f} s" if row.ended else ""


def object_of(kind: type[T], row: sqlite3.Row) -> T:
    """Makes an object of its row."""
    values: dict[str, Any] = {}
    for field in fields(kind):
        value = row[_COLUMNS.get(field.name, field.name)]
        values[field.name] = json.loads(value or "{}") if field.name in _JSON else value
    return kind(**values)
