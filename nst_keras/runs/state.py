"""The state of a training that can be killed: one file, from which the same command goes on."""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.errors import InputError
from nst_keras.storage.files import write_whole
from nst_keras.transfer.checkpoints import differences, open_archive


@dataclass(frozen=True)
class TrainingState:
    """A moment of a training.

    Attributes:
        step: Steps done, over all epochs.
        seconds: Time spent training until then, over all runs of the command.
        epoch_seconds: Of these, in the steps of the present epoch.
        loss_sum: Sum of the losses of the present epoch's pictures so far.
        correct: How many of them were classified right.
        seen: How many there were.
        history: What each finished epoch gave.
        best_epoch: The epoch with the best validation accuracy, from 1; 0 before the first.
        arrays: The trainer's state.
        best: The weights of the best epoch.
    """

    step: int = 0
    seconds: float = 0.0
    epoch_seconds: float = 0.0
    loss_sum: float = 0.0
    correct: float = 0.0
    seen: int = 0
    history: tuple[Mapping[str, float], ...] = ()
    best_epoch: int = 0
    arrays: list[np.ndarray] = field(default_factory=list)
    best: list[np.ndarray] = field(default_factory=list)


def write_state(path: Path, state: TrainingState, record: Mapping[str, Any]) -> None:
    """Writes a state whole, with the record of the training that it belongs to."""
    header = {**asdict(replace(state, arrays=[], best=[])), "record": record}
    arrays = {f"state{i}": array for i, array in enumerate(state.arrays)}
    arrays |= {f"best{i}": array for i, array in enumerate(state.best)}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, header=json.dumps(header), **arrays)
    write_whole(path, buffer.getvalue())


def read_state(path: Path, record: Mapping[str, Any]) -> TrainingState | None:
    """Returns the state in a file, or None if there is no file.

    Raises:
        InputError: If the file is damaged, or belongs to a training with another record; what differs
            is named.
    """
    try:
        with open_archive(path) as archive:
            header = json.loads(str(archive["header"]))
            differing = differences(header.pop("record"), json.loads(json.dumps(record)))
            header |= {
                "history": tuple(header["history"]),
                "arrays": _numbered(archive, "state"),
                "best": _numbered(archive, "best"),
            }
            state = TrainingState(**header)
    except FileNotFoundError:
        return None
    if differing:
        raise InputError(
            f"{path.parent}: holds a training with other settings; these differ: {', '.join(differing)}. "
            "Give the same flags, another --output_dir, or --restart to replace it."
        )
    return state


def _numbered(archive: Mapping[str, np.ndarray], prefix: str) -> list[np.ndarray]:
    count = sum(name.startswith(prefix) for name in archive)
    return [archive[f"{prefix}{i}"] for i in range(count)]
