"""The metadata store: runs, executions, artifacts and how they hang together, in one SQLite file.

WAL mode, so that runs at the same time and readers don't stand in each other's way. The nouns are ML
Metadata's: an execution has input and output events, which point at artifacts. Since artifacts with equal
contents are one artifact, as blessings are, an input event also says which execution's output it took.
Times are seconds since 1970.
"""

import contextlib
import json
import os
import platform
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.storage.cache import locked
from pipelines.engine.store.digests import file_digest
from pipelines.engine.store.rows import Execution, Run, StoredArtifact, artifact_of, execution_of, run_of

__all__ = ["FILE_NAME", "Execution", "Run", "Store", "StoredArtifact"]

FILE_NAME = "metadata.sqlite"
_VERSION = 2
_TIMEOUT = 60.0  # seconds to wait for another run's transaction
_LATELY = 1000  # runs that are looked through for what a node made last
_AT_ONCE = 20  # rows that are read before somebody wants more
_NO_NUMBER = 2**63 - 1  # larger than any

_SCHEMA = """
CREATE TABLE run (
    id INTEGER PRIMARY KEY, pipeline TEXT NOT NULL, command TEXT NOT NULL, version TEXT NOT NULL,
    host TEXT NOT NULL, pid INTEGER NOT NULL, nodes TEXT NOT NULL, started REAL NOT NULL, ended REAL,
    state TEXT NOT NULL, error TEXT
);
CREATE INDEX run_pipeline ON run (pipeline);
CREATE INDEX run_state ON run (state);
CREATE TABLE execution (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES run, pipeline TEXT NOT NULL, node TEXT NOT NULL,
    stage TEXT NOT NULL, fingerprint TEXT NOT NULL, config TEXT NOT NULL, code TEXT NOT NULL,
    state TEXT NOT NULL, started REAL NOT NULL, ended REAL, record TEXT, error TEXT
);
CREATE INDEX execution_fingerprint ON execution (fingerprint, state);
CREATE INDEX execution_run ON execution (run, state);
CREATE TABLE artifact (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, digest TEXT NOT NULL, path TEXT NOT NULL,
    bytes INTEGER NOT NULL, files TEXT NOT NULL, created REAL NOT NULL, state TEXT NOT NULL,
    UNIQUE (kind, digest)
);
CREATE TABLE event (
    execution INTEGER NOT NULL REFERENCES execution, role TEXT NOT NULL, name TEXT NOT NULL,
    artifact INTEGER NOT NULL REFERENCES artifact, source INTEGER REFERENCES execution,
    PRIMARY KEY (execution, role, name)
) WITHOUT ROWID;
CREATE INDEX event_artifact ON event (artifact, role);
CREATE INDEX event_source ON event (source) WHERE source IS NOT NULL;
CREATE TABLE run_execution (
    run INTEGER NOT NULL REFERENCES run, node TEXT NOT NULL, execution INTEGER NOT NULL REFERENCES execution,
    cached INTEGER NOT NULL, PRIMARY KEY (run, node)
) WITHOUT ROWID;
CREATE INDEX run_execution_node ON run_execution (node, run);
CREATE INDEX run_execution_execution ON run_execution (execution);
CREATE TABLE file_digest (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, digest TEXT NOT NULL
) WITHOUT ROWID;
"""


class Store:
    """The store of one pipeline root.

    Attributes:
        root: The pipeline root.
        connection: To the SQLite file, for readers with questions of their own.
    """

    def __init__(self, root: Path, *, create: bool = True) -> None:
        """Opens the store, and makes it if it isn't there.

        Raises:
            InputError: If it can't be made, isn't a store, or was made by another version.
        """
        self.root, path = root, root / FILE_NAME
        if not create and not path.is_file():
            raise InputError(f"{root}: holds no {FILE_NAME}; a pipeline root was expected")
        try:
            root.mkdir(parents=True, exist_ok=True)
            self.connection = sqlite3.connect(path, timeout=_TIMEOUT, isolation_level=None)
            self.connection.row_factory = sqlite3.Row
            # SQLite doesn't wait for others when it changes the mode, as it does for everything else.
            with locked(path, use="pipeline root", remedy="choose a --pipeline_root"):
                self.connection.execute("PRAGMA journal_mode = WAL")
            # A power cut may cost the last rows, no more.
            self.connection.execute("PRAGMA synchronous = NORMAL")
            self.connection.execute("PRAGMA foreign_keys = ON")
            self._prepare(path)
        except OSError as error:
            raise InputError(f"{root}: cannot be used as pipeline root: {error.strerror}") from error
        except sqlite3.Error as error:
            raise InputError(f"{path}: cannot be used as metadata store: {error}") from error

    def _prepare(self, path: Path) -> None:
        with self.transaction():
            (version,) = self.connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _SCHEMA.split(";\n"):
                    self.connection.execute(statement)
                self.connection.execute(f"PRAGMA user_version = {_VERSION}")
            elif version != _VERSION:
                raise InputError(f"{path}: has layout {version}, but this version reads {_VERSION}")

    def close(self) -> None:
        """Closes the file."""
        self.connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and nobody else writes meanwhile."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:  # SQLite itself rolls back when the disk is full
                self.connection.execute("ROLLBACK")
            raise

    def begin_run(
        self, pipeline: str, command: str, version: str, nodes: Sequence[Mapping[str, Any]] = ()
    ) -> int:
        """Writes that a run begins; returns its number.

        Args:
            pipeline: Its name.
            command: What the user typed.
            version: Of the code.
            nodes: Of the pipeline, in order: "name", "stage" and "inputs", which are nodes' names by input.
        """
        row = (pipeline, command, version, platform.node(), os.getpid(), json.dumps(nodes), time.time())
        query = (
            "INSERT INTO run (pipeline, command, version, host, pid, nodes, started, state)"
            " VALUES (?,?,?,?,?,?,?,'running')"
        )
        return int(self.connection.execute(query, row).lastrowid or 0)

    def end_run(self, run: int, state: str, error: str = "") -> None:
        """Writes how a run ended."""
        query = "UPDATE run SET ended=?, state=?, error=? WHERE id=?"
        self.connection.execute(query, (time.time(), state, error, run))

    def bury_runs(self) -> None:
        """Writes of those runs of this machine whose process is gone that they and their work were killed."""
        query = "SELECT id, pid FROM run WHERE state='running' AND host=?"
        for row in self.connection.execute(query, (platform.node(),)).fetchall():
            if not _alive(row["pid"]):  # when it ended nobody knows
                self.connection.execute("UPDATE run SET state='killed' WHERE id=?", (row["id"],))
        self.connection.execute(
            "UPDATE execution SET state='killed' WHERE state='running'"
            " AND run IN (SELECT id FROM run WHERE state='killed')"
        )

    def run(self, number: int) -> Run:
        """A run by its number.

        Raises:
            InputError: If there is none.
        """
        row = self.connection.execute("SELECT * FROM run WHERE id=?", (number,)).fetchone()
        if row is None:
            raise InputError(f"{self.root}: has no run {number}")
        return run_of(row)

    def run_executions(self, run: int) -> dict[str, tuple[Execution, bool]]:
        """By node the execution that a run did or took over, and whether it took it over."""
        query = (
            "SELECT execution.*, run_execution.node AS turn, cached FROM run_execution"
            " JOIN execution ON execution.id = execution WHERE run_execution.run=?"
        )
        rows = self.connection.execute(query, (run,)).fetchall()
        return {row["turn"]: (execution_of(row), bool(row["cached"])) for row in rows}

    def begin_execution(
        self,
        run: int,
        pipeline: str,
        node: str,
        stage: str,
        fingerprint: str,
        config: Mapping[str, Any],
        code: Mapping[str, Any],
        inputs: Mapping[str, StoredArtifact],
        sources: Mapping[str, int] | None = None,
    ) -> int:
        """Writes that an execution begins; those with its fingerprint that never ended were killed.

        Args:
            run: Number of the run that does it.
            pipeline: Name of the pipeline.
            node: Name of the node.
            stage: Address of the stage.
            fingerprint: What its outputs follow from.
            config: The stage's config.
            code: Digest of the code, versions of the libraries.
            inputs: Artifacts by name.
            sources: By the inputs' names the executions that made them; none for data from outside.

        Returns:
            The execution's number.
        """
        with self.transaction():
            self.connection.execute(
                "UPDATE execution SET state='killed' WHERE fingerprint=? AND state='running'", (fingerprint,)
            )
            row = (run, pipeline, node, stage, fingerprint, _json(config), _json(code), time.time())
            cursor = self.connection.execute(
                "INSERT INTO execution"
                " (run, pipeline, node, stage, fingerprint, config, code, started, state)"
                " VALUES (?,?,?,?,?,?,?,?,'running')",
                row,
            )
            execution = int(cursor.lastrowid or 0)
            self._add_events(execution, "input", inputs, sources or {})
            self.connection.execute("INSERT INTO run_execution VALUES (?,?,?,0)", (run, node, execution))
        return execution

    def complete_execution(
        self, execution: int, outputs: Mapping[str, StoredArtifact], record: Mapping[str, Any]
    ) -> None:
        """Writes that an execution is complete, with all its outputs, in one step."""
        with self.transaction():
            self._add_events(execution, "output", outputs, {})
            self.connection.execute(
                "UPDATE execution SET state='complete', ended=?, record=? WHERE id=?",
                (time.time(), json.dumps(record), execution),
            )

    def end_execution(self, execution: int, state: str, error: str = "") -> None:
        """Writes that an execution failed or was stopped."""
        self.connection.execute(
            "UPDATE execution SET state=?, ended=?, error=? WHERE id=?",
            (state, time.time(), error, execution),
        )

    def use_execution(self, run: int, node: str, execution: int) -> bool:
        """Writes that a run's node takes over what an earlier execution made; False if any of it is gone."""
        with self.transaction():
            if any(artifact.state != "live" for artifact in self.events(execution, "output").values()):
                return False
            self.connection.execute("INSERT INTO run_execution VALUES (?,?,?,1)", (run, node, execution))
        return True

    def _add_events(
        self, execution: int, role: str, artifacts: Mapping[str, StoredArtifact], sources: Mapping[str, int]
    ) -> None:
        rows = [
            (execution, role, name, artifact.id, sources.get(name)) for name, artifact in artifacts.items()
        ]
        self.connection.executemany("INSERT INTO event VALUES (?,?,?,?,?)", rows)

    def add_artifact(
        self, kind: str, digest: str, path: str, num_bytes: int, files: Mapping[str, Sequence[Any]]
    ) -> StoredArtifact:
        """Writes an artifact, or that one is there again."""
        with self.transaction():
            self.connection.execute(
                "INSERT INTO artifact (kind, digest, path, bytes, files, created, state)"
                " VALUES (?,?,?,?,?,?,'live')"
                " ON CONFLICT (kind, digest) DO UPDATE SET state='live', path=excluded.path",
                (kind, digest, path, num_bytes, _json(files), time.time()),
            )
            query = "SELECT * FROM artifact WHERE kind=? AND digest=?"
            return artifact_of(self.connection.execute(query, (kind, digest)).fetchone())

    def set_artifact_state(self, artifact: int, state: str) -> None:
        """Writes that an artifact was collected, lost or damaged."""
        self.connection.execute("UPDATE artifact SET state=? WHERE id=?", (state, artifact))

    def artifact(self, number: int) -> StoredArtifact:
        """An artifact by its number.

        Raises:
            InputError: If there is none.
        """
        row = self.connection.execute("SELECT * FROM artifact WHERE id=?", (number,)).fetchone()
        if row is None:
            raise InputError(f"{self.root}: has no artifact {number}")
        return artifact_of(row)

    def execution(self, number: int) -> Execution:
        """An execution by its number.

        Raises:
            InputError: If there is none.
        """
        row = self.connection.execute("SELECT * FROM execution WHERE id=?", (number,)).fetchone()
        if row is None:
            raise InputError(f"{self.root}: has no execution {number}")
        return execution_of(row)

    def events(self, execution: int, role: str) -> dict[str, StoredArtifact]:
        """An execution's inputs or outputs by name."""
        query = (
            "SELECT event.name AS event_name, artifact.* FROM event"
            " JOIN artifact ON artifact.id = event.artifact"
            " WHERE event.execution=? AND event.role=? ORDER BY event.name"
        )
        rows = self.connection.execute(query, (execution, role)).fetchall()
        return {row["event_name"]: artifact_of(row) for row in rows}

    def complete_executions(self, fingerprint: str) -> list[Execution]:
        """Complete executions with a fingerprint, the last first."""
        query = "SELECT * FROM execution WHERE fingerprint=? AND state='complete' ORDER BY id DESC"
        return [execution_of(row) for row in self.connection.execute(query, (fingerprint,)).fetchall()]

    def last_complete(self, pipeline: str, node: str) -> Iterator[Execution]:
        """Complete executions that a pipeline's node did or took over lately, those of the last run first."""
        # CROSS JOIN fixes the order of the loops: back through the node's runs, until there are enough.
        query = (
            "SELECT execution.id FROM run_execution CROSS JOIN run ON run.id = run_execution.run"
            " CROSS JOIN execution ON execution.id = run_execution.execution"
            " WHERE run_execution.node=? AND run.pipeline=? AND execution.state='complete'"
            " ORDER BY run_execution.run DESC LIMIT ?"
        )
        rows = self.connection.execute(query, (node, pipeline, _LATELY)).fetchall()
        for number in dict.fromkeys(row["id"] for row in rows):
            yield self.execution(number)

    def blessed_models(self, pipeline: str) -> Iterator[tuple[StoredArtifact, int | None]]:
        """Live models that an Evaluator of a pipeline blessed, the last first, and what made each.

        A model that was blessed several times comes several times.
        """
        query = (
            "SELECT execution.id AS execution, event.source, artifact.* FROM execution"
            " CROSS JOIN event ON event.execution = execution.id"
            " AND event.role='input' AND event.name='model'"
            " CROSS JOIN artifact ON artifact.id = event.artifact"
            " WHERE execution.id < ? AND artifact.kind='Model' AND artifact.state='live'"
            " AND execution.state='complete' AND json_extract(execution.record, '$.blessed')"
            " AND EXISTS (SELECT 1 FROM run_execution JOIN run ON run.id = run_execution.run"
            " WHERE run_execution.execution = execution.id AND run.pipeline=?)"
            " ORDER BY execution.id DESC LIMIT ?"
        )
        before = _NO_NUMBER
        while rows := self.connection.execute(query, (before, pipeline, _AT_ONCE)).fetchall():
            yield from ((artifact_of(row), row["source"]) for row in rows)
            before = rows[-1]["execution"]

    def digest(self, path: Path) -> str:
        """A file's digest, read anew only if its size or time has changed."""
        stat, name = path.stat(), str(path.resolve())
        row = self.connection.execute(
            "SELECT digest FROM file_digest WHERE path=? AND size=? AND mtime_ns=?",
            (name, stat.st_size, stat.st_mtime_ns),
        ).fetchone()
        if row is not None:
            return str(row["digest"])
        found = file_digest(path)
        self.connection.execute(
            "INSERT OR REPLACE INTO file_digest VALUES (?,?,?,?)",
            (name, stat.st_size, stat.st_mtime_ns, found),
        )
        return found


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
