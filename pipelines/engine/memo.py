"""What tasks wrote, kept in a pipeline root for later runs that have some of the same to do.

An entry bears a task's key, a hash of its code and of all that it reads. It is the files that the task wrote
and a list of their digests, which comes last. What isn't as its list says counts as nothing.
"""

import contextlib
import glob
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.storage.files import file_digest, link_or_copy, write_whole

LIST = ".list"  # suffix of the list of digests; no task's file has it


@dataclass(frozen=True)
class Piece:
    """A task's place in the memo of a pipeline root, wherever the task runs; without a folder, none."""

    folder: Path | None = None
    key: str = ""
    anew: bool = False  # whether nothing is taken from the memo

    def once(self, target: Path, write: Callable[[], object]) -> None:
        """Calls a function that writes files, unless they are there or an earlier run's task wrote the same.

        `target` is the one that is written last. All have its name up to the suffix.
        """
        if target.exists():
            self._keep(target, again=False)
        elif not self._recall(target):
            write()
            self._keep(target, again=True)

    @property
    def known(self) -> bool:
        """Whether there is an entry, whatever it is worth."""
        return not self.anew and self.folder is not None and self._list(self.folder).exists()

    def _list(self, folder: Path) -> Path:
        return folder / (self.key + LIST)

    def _recall(self, target: Path) -> bool:
        if self.folder is None or self.anew:
            return False
        try:
            digests = json.loads(self._list(self.folder).read_bytes())
            kept = {suffix: self.folder / (self.key + suffix) for suffix in digests}
            if target.suffix not in kept or any(file_digest(kept[s]) != digests[s] for s in kept):
                return False
            for suffix in sorted(kept, key=lambda suffix: suffix == target.suffix):
                link_or_copy(kept[suffix], target.with_suffix(suffix))
            os.utime(self._list(self.folder))  # when it was of use last
        except (OSError, ValueError, TypeError):  # another run may just be removing or replacing it
            return False
        return True

    def _keep(self, target: Path, *, again: bool) -> None:
        if self.folder is None or (self._list(self.folder).exists() and not again):
            return
        files = target.parent.glob(glob.escape(target.stem) + ".*")
        # Whatever keeps it from being kept, the work is done.
        with contextlib.suppress(OSError, InputError):
            self.folder.mkdir(exist_ok=True)
            digests = {}
            for file in sorted(files):
                suffix = file.name.removeprefix(target.stem)
                link_or_copy(file, self.folder / (self.key + suffix))
                digests[suffix] = file_digest(file)
            write_whole(self._list(self.folder), json.dumps(digests).encode())


def no_piece(function: Callable[..., Any], reads: Any) -> Piece:
    """For tasks outside a pipeline root."""
    return Piece()
