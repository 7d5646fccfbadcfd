"""Remembers files of code as fingerprints need them, since reading them takes longer than some stages."""

import contextlib
import json
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.storage.cache import cache_dir
from nst_keras.storage.files import file_state, write_whole
from pipelines.engine.code.fingerprint import Source

_FORMAT = 2  # another one whenever entries mean something else


def sources_path() -> Path:
    """Where this user's sources are kept, for the Python that runs."""
    return cache_dir() / f"pipeline_sources-{_FORMAT}-{platform.python_version()}.json"


@dataclass
class SourceCache:
    """Sources by path, for one run; a damaged or missing JSON file only means that all is read anew."""

    path: Path
    _known: dict[str, Any] = field(default_factory=dict, init=False)
    _changed: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            kept = json.loads(self.path.read_text())
            self._known = kept if isinstance(kept, dict) else {}

    def source(self, path: Path, read: Callable[[], Source]) -> Source:
        """A file's source, read anew only if it may have changed since."""
        state = file_state(path)
        known = self._known.get(str(path))
        if known and known["file"] == state:
            return Source(known["digest"], tuple(known["names"]))
        source = read()
        if state:
            self._known[str(path)] = {"file": state, **vars(source)}
            self._changed = True
        return source

    def keep(self) -> None:
        """Writes the file if there is something new, and if it can be written."""
        if self._changed:
            with contextlib.suppress(OSError, InputError):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(self.path, json.dumps(self._known).encode())
                self._changed = False
