"""The metadata store: runs, executions and artifacts, and how they hang together."""

import json
import os
import platform
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from pipelines.engine.stage import Facts
from pipelines.engine.store.database import FILE_NAME, open_database, transaction
from pipelines.engine.store.digests import AnyFile, address_of, file_digest, state_of
from pipelines.engine.store.rows import TABLES, Execution, Judgement, Run, StoredArtifact, T, Work, object_of

_TREE = "//all"  # behind the path of what is known of all files below it; no path ends so


class Store:
    """The store of one pipeline root, with a connection for readers that have questions of their own."""

    def __init__(self, root: Path, *, create: bool = True) -> None:
        self.root, self.connection = root, open_database(root, create=create)

    def close(self) -> None:
        """Closes the file."""
        self.connection.close()

    def select(self, kind: type[T], query: str, *values: str | int) -> list[T]:
        """The rows that a query gives, as objects."""
        return [object_of(kind, row) for row in self.connection.execute(query, values).fetchall()]

    def begin_run(
        self, pipeline: str, command: str, version: str, nodes: Sequence[Mapping[str, Any]] = ()
    ) -> int:
        """Writes that a run of a version of the code begins by a command; returns its number.

        The pipeline's nodes have "name", "stage" and "inputs", which are nodes' names by input.
        """
        row = (pipeline, command, version, platform.node(), os.getpid(), json.dumps(nodes), time.time())
        query = (
            "INSERT INTO run (pipeline, command, version, host, pid, nodes, started, state)"
            " VALUES (?,?,?,?,?,?,?,'running')"
        )
        return int(self.connection.execute(query, row).lastrowid or 0)

    def end(self, kind: type[Run] | type[Execution], number: int, state: str, error: str = "") -> None:
        """Writes how a run ended, or that an execution failed or was stopped."""
        query = f"UPDATE {TABLES[kind]} SET ended=?, state=?, error=? WHERE id=?"
        self.connection.execute(query, (time.time(), state, error, number))

    def bury_runs(self) -> None:
        """Marks runs of this machine whose process is gone as killed, and their executions with them."""
        query = "SELECT id, pid FROM run WHERE state='running' AND host=?"
        for row in self.connection.execute(query, (platform.node(),)).fetchall():
            if not _alive(row["pid"]):  # when it ended nobody knows
                self.connection.execute("UPDATE run SET state='killed' WHERE id=?", (row["id"],))
        self.connection.execute(
            "UPDATE execution SET state='killed' WHERE state='running'"
            " AND run IN (SELECT id FROM run WHERE state='killed')"
        )

    def run_executions(self, run: int) -> dict[str, tuple[Execution, bool]]:
        """By node the execution that a run did or took over, and whether it took it over."""
        query = (
            "SELECT execution.*, run_execution.node AS turn, cached FROM run_execution"
            " JOIN execution ON execution.id = execution WHERE run_execution.run=?"
        )
        rows = self.connection.execute(query, (run,)).fetchall()
        return {row["turn"]: (object_of(Execution, row), bool(row["cached"])) for row in rows}

    def begin_execution(self, run: int, work: Work) -> int:
        """Writes that a run's execution begins; those with its fingerprint that never ended were killed."""
        with transaction(self.connection):
            self.connection.execute(
                "UPDATE execution SET state='killed' WHERE fingerprint=? AND state='running'",
                (work.fingerprint,),
            )
            config, code = (json.dumps(value, sort_keys=True) for value in (work.config, work.code))
            cursor = self.connection.execute(
                "INSERT INTO execution (pipeline, node, stage, fingerprint, config, code, started,"
                " state, run) SELECT pipeline, ?, ?, ?, ?, ?, ?, 'running', id FROM run WHERE id=?",
                (work.node, work.stage, work.fingerprint, config, code, time.time(), run),
            )
            execution = int(cursor.lastrowid or 0)
            self._add_events(execution, "input", work.inputs, work.sources)
            self.connection.execute("INSERT INTO run_execution VALUES (?,?,?,0)", (run, work.node, execution))
        return execution

    def complete_execution(
        self, execution: int, outputs: Mapping[str, StoredArtifact], record: Mapping[str, Any]
    ) -> None:
        """Writes that an execution is complete, with all its outputs, in one step."""
        with transaction(self.connection):
            self._add_events(execution, "output", outputs, {})
            self.connection.execute(
                "UPDATE execution SET state='complete', ended=?, record=? WHERE id=?",
                (time.time(), json.dumps(record), execution),
            )

    def use_execution(self, run: int, node: str, execution: int) -> bool:
        """Writes that a run's node takes over what an earlier execution made; False if any of it is gone."""
        with transaction(self.connection):
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
        with transaction(self.connection):
            self.connection.execute(
                "INSERT INTO artifact (kind, digest, path, bytes, files, created, state)"
                " VALUES (?,?,?,?,?,?,'live')"
                " ON CONFLICT (kind, digest) DO UPDATE SET state='live', path=excluded.path",
                (kind, digest, path, num_bytes, json.dumps(files, sort_keys=True), time.time()),
            )
            query = "SELECT * FROM artifact WHERE kind=? AND digest=?"
            return self.select(StoredArtifact, query, kind, digest)[0]

    def set_artifact_state(self, artifact: int, state: str) -> None:
        """Writes that an artifact was collected, lost or damaged."""
        self.connection.execute("UPDATE artifact SET state=? WHERE id=?", (state, artifact))

    def judge(self, artifact: int, *, approves: bool, who: str, why: str) -> None:
        """Writes what a person says of an artifact."""
        query = "INSERT INTO judgement (artifact, approves, who, why, made) VALUES (?,?,?,?,?)"
        self.connection.execute(query, (artifact, int(approves), who, why, time.time()))

    def judgements(self, artifact: int) -> list[Judgement]:
        """What persons said of an artifact, the last first."""
        return self.select(Judgement, "SELECT * FROM judgement WHERE artifact=? ORDER BY id DESC", artifact)

    def read(self, kind: type[T], number: int) -> T:
        """A run, an execution or an artifact by its number."""
        rows = self.select(kind, f"SELECT * FROM {TABLES[kind]} WHERE id=?", number)
        if not rows:
            raise InputError(f"{self.root}: has no {TABLES[kind]} {number}")
        return rows[0]

    def events(self, execution: int, role: str) -> dict[str, StoredArtifact]:
        """An execution's inputs or outputs by name."""
        query = (
            "SELECT event.name AS event_name, artifact.* FROM event"
            " JOIN artifact ON artifact.id = event.artifact"
            " WHERE event.execution=? AND event.role=? ORDER BY event.name"
        )
        rows = self.connection.execute(query, (execution, role)).fetchall()
        return {row["event_name"]: object_of(StoredArtifact, row) for row in rows}

    def known_tree(self, name: str, state: str) -> tuple[str, int] | None:
        """Digest and bytes of data from outside in that state, if they are known."""
        query = "SELECT digest FROM file_digest WHERE path=? AND state=?"
        row = state and self.connection.execute(query, (f"{name}{_TREE}", state)).fetchone()
        if not row:
            return None
        digest, num_bytes = row["digest"].split()
        return digest, int(num_bytes)

    def keep_tree(self, name: str, state: str, digest: str, num_bytes: int) -> None:
        """Keeps digest and bytes of data from outside in a state; "" is none."""
        if state:
            row = (f"{name}{_TREE}", state, f"{digest} {num_bytes}")
            self.connection.execute("INSERT OR REPLACE INTO file_digest VALUES (?,?,?)", row)

    def digest(self, path: AnyFile, *, anew: bool = False) -> str:
        """A file's digest; the file is read only if it may have changed since, or if that must be `anew`."""
        name, state = address_of(path), state_of(path)
        query = "SELECT digest FROM file_digest WHERE path=? AND state=?"
        row = self.connection.execute(query, (name, state)).fetchone()
        if row is not None and not anew:
            return str(row["digest"])
        digest = file_digest(path)
        if state:
            self.connection.execute(
                "INSERT OR REPLACE INTO file_digest VALUES (?,?,?)", (name, state, digest)
            )
        return digest


class StoredFacts(Facts):
    """Facts in a store; those of files that were just changed, or are to be seen `anew`, for a run alone.

    Those are in a table that goes with the connection: there may be millions.
    """

    def __init__(self, store: Store, *, anew: bool) -> None:
        super().__init__()
        self._store, self._anew = store, anew
        store.connection.execute("DROP TABLE IF EXISTS temp.seen_now")
        columns = "path TEXT PRIMARY KEY, state TEXT NOT NULL, digest TEXT NOT NULL, seen TEXT NOT NULL"
        store.connection.execute(f"CREATE TEMP TABLE seen_now ({columns}) WITHOUT ROWID")

    def get(self, files: Sequence[tuple[str, str]]) -> list[Any]:
        """What was seen of each of some files, a few hundred, in a state, or None."""
        known = dict[tuple[str, str], str]()
        now = [file for file, state in files if self._anew or not state]
        lasting = [] if self._anew else [file for file, state in files if state]
        for table, asked in (("seen_now", now), ("file_seen", lasting)):
            query = f"SELECT path, state, seen FROM {table} WHERE path IN ({','.join('?' * len(asked))})"
            rows = self._store.connection.execute(query, asked) if asked else ()
            known |= {(path, state): seen for path, state, seen in rows}
        return [json.loads(known[file]) if file in known else None for file in files]

    def keep(self, rows: Iterable[tuple[str, str, str, Any]]) -> None:
        """Keeps file, state, SHA-256 in hex and what was seen, a JSON value."""
        listed = [(file, state, digest, json.dumps(seen)) for file, state, digest, seen in rows]
        lasting = [row for row in listed if row[1]]
        now = listed if self._anew else [row for row in listed if not row[1]]
        with transaction(self._store.connection):
            add = self._store.connection.executemany
            add("INSERT OR REPLACE INTO file_digest VALUES (?,?,?)", [row[:3] for row in lasting])
            add("INSERT OR REPLACE INTO file_seen VALUES (?,?,?)", [(*row[:2], row[3]) for row in lasting])
            add("INSERT OR REPLACE INTO seen_now VALUES (?,?,?,?)", now)

    def digest(self, path: AnyFile) -> str:
        """A file's digest, by what was seen of it in this run or is known."""
        query = "SELECT digest FROM seen_now WHERE path=?"
        known = self._store.connection.execute(query, (address_of(path),)).fetchone()
        return known["digest"] if known else self._store.digest(path, anew=self._anew)


@contextmanager
def opened(root: Path, *, create: bool = True) -> Iterator[Store]:
    """The store of a pipeline root, while it is needed; what goes wrong with its file is an InputError."""
    store = Store(root, create=create)
    try:
        yield store
    except sqlite3.Error as error:
        raise InputError(f"{root / FILE_NAME}: {error}") from error
    finally:
        store.close()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)  # another error means that it is somebody else's
    return True
