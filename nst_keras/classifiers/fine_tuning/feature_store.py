"""Features that a network gave pictures once, kept on disk so that it needn't look again."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.errors import InputError
from nst_keras.storage.cache import cache_dir

_CHUNK = 500  # keys a query; SQLite limits them


class FeatureStore:
    """Feature vectors by picture, in one SQLite file for each way of making them.

    Each `put` is one transaction: after a crash what was put is there, and nothing half. Several processes
    may use the same file.

    Args:
        made_by: All that features depend on besides the picture: network, hash of its weights, layer,
            pooling, preprocessing. Plain values, as JSON holds them.
        folder: Where the files lie; None for `features` in the user's cache folder.
    """

    def __init__(self, made_by: Mapping[str, Any], folder: Path | None = None) -> None:
        text = json.dumps(made_by, sort_keys=True)
        folder = folder or cache_dir() / "features"
        self.path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS features (picture BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"
            )
            self._database.execute("CREATE TABLE IF NOT EXISTS made_by (text TEXT PRIMARY KEY)")
            self._database.execute("INSERT OR IGNORE INTO made_by VALUES (?)", [text])
        except OSError as error:
            raise InputError(f"{folder}: cannot be made: {error.strerror}") from error
        except sqlite3.Error as error:
            raise InputError(f"{self.path}: cannot be used: {error}; delete it to start anew") from error

    def get(self, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """Returns the float32 vectors [features] of those pictures that are there."""
        vectors: dict[bytes, np.ndarray] = {}
        for start in range(0, len(keys), _CHUNK):
            some = keys[start : start + _CHUNK]
            marks = ",".join("?" * len(some))
            query = f"SELECT picture, vector FROM features WHERE picture IN ({marks})"
            try:
                rows = self._database.execute(query, list(some)).fetchall()
            except sqlite3.Error as error:
                raise InputError(f"{self.path}: cannot be read: {error}; delete it to start anew") from error
            vectors |= {bytes(key): np.frombuffer(vector, np.float32) for key, vector in rows}
        return vectors

    def put(self, vectors: Mapping[bytes, np.ndarray]) -> None:
        """Keeps vectors [features], all of them or none."""
        rows = [(key, np.ascontiguousarray(vector, np.float32).tobytes()) for key, vector in vectors.items()]
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT OR REPLACE INTO features VALUES (?, ?)", rows)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise InputError(f"{self.path}: cannot be written: {error}") from error

    def close(self) -> None:
        """Closes the file."""
        self._database.close()


def picture_key(image: np.ndarray) -> bytes:
    """Hash of a picture's pixels, uint8 [height, width, channels], and shape."""
    digest = hashlib.sha256(str(image.shape).encode())
    digest.update(np.ascontiguousarray(image).tobytes())
    return digest.digest()
