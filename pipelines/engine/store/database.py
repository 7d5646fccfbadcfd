"""The SQLite file of a pipeline root: its tables, and how it is opened.

WAL mode, so that runs at the same time and readers don't stand in each other's way. The nouns are ML
Metadata's: an execution has input and output events, which point at artifacts. Since artifacts with equal
contents are one artifact, as blessings are, an input event also says which execution's output it took.
Times are seconds since 1970.
"""

import contextlib
import functools
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from nst_keras.errors import InputError
from nst_keras.storage.cache import locked

FILE_NAME = "metadata.sqlite"
_VERSION = 3
_TIMEOUT = 60.0  # seconds to wait for another run's transaction

# Holds the lock of something in a pipeline root; other processes wait until it is released.
root_lock = functools.partial(locked, use="pipeline root", remedy="choose a --pipeline_root")

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
"""
# What is known of files anywhere; nothing is lost with it but the time to read them again.
_FILES = """CREATE TABLE file_digest (
    path TEXT PRIMARY KEY, state TEXT NOT NULL, digest TEXT NOT NULL
) WITHOUT ROWID"""
# Apart, so that older versions can go on with a root.
_SEEN = """CREATE TABLE IF NOT EXISTS file_seen (
    path TEXT PRIMARY KEY, state TEXT NOT NULL, seen TEXT NOT NULL
) WITHOUT ROWID"""
_JUDGEMENTS = """CREATE TABLE IF NOT EXISTS judgement (
    id INTEGER PRIMARY KEY, artifact INTEGER NOT NULL REFERENCES artifact, approves INTEGER NOT NULL,
    who TEXT NOT NULL, why TEXT NOT NULL, made REAL NOT NULL
)"""
# By version what makes of the layout before it its own.
_MIGRATIONS = {3: ("DROP TABLE file_digest", _FILES)}


def open_database(root: Path, *, create: bool) -> sqlite3.Connection:
    """Opens the file of a pipeline root; makes it, if it may and there is none."""
    path = root / FILE_NAME
    if not create and not path.is_file():
        raise InputError(f"{root}: holds no {FILE_NAME}; a pipeline root was expected")
    try:
        root.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=_TIMEOUT, isolation_level=None)
        connection.row_factory = sqlite3.Row
        # SQLite doesn't wait for others when it changes the mode, as it does for everything else.
        with root_lock(path):
            connection.execute("PRAGMA journal_mode = WAL")
        # A power cut may cost the last rows, no more.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        with transaction(connection):
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                statements = [*_SCHEMA.split(";\n"), _FILES]
            elif version == _VERSION or version + 1 in _MIGRATIONS:
                later = range(version + 1, _VERSION + 1)
                statements = [statement for number in later for statement in _MIGRATIONS[number]]
            else:
                raise InputError(
                    f"{path}: has layout {version}, but this version reads {_VERSION}; use the version that "
                    "wrote it, or another pipeline root"
                )
            for statement in [*statements, _SEEN, _JUDGEMENTS]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
    except OSError as error:
        raise InputError(f"{root}: cannot be used as pipeline root: {error.strerror}") from error
    except sqlite3.Error as error:
        raise InputError(f"{path}: cannot be used as metadata store: {error}") from error
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, and nobody else writes meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself rolls back when the disk is full
            connection.execute("ROLLBACK")
        raise
