"""Keys of the memo: what a task's files follow from, in one number."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.engine.code.fingerprint import Code, fingerprint
from pipelines.engine.memo import Piece

MEMO = "memo"  # folder in a pipeline root


@dataclass
class Pieces:
    """The tasks of an execution that have places in the memo, and how many of them it knows."""

    folder: Path
    read_code: Callable[[str], Code]
    environment: Mapping[str, str]
    anew: bool = False  # whether nothing is taken from the memo
    count: int = 0
    known: int = 0
    _codes: dict[str, Code] = field(default_factory=dict)

    def piece(self, function: Callable[..., Any], reads: Any) -> Piece:
        """The place of a task of a top-level function; see `Context`."""
        module = function.__module__
        if module not in self._codes:
            self._codes[module] = self.read_code(module)
        address = f"{module}:{function.__qualname__}"
        key = fingerprint(address, self._codes[module], reads, {}, [], self.environment)
        piece = Piece(self.folder, key[:32], self.anew)
        self.count, self.known = self.count + 1, self.known + piece.known
        return piece
