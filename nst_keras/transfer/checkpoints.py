"""Checkpoints of an optimisation, one file beside the picture, gone when the picture is done."""

import contextlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.errors import InputError
from nst_keras.storage.files import write_whole
from nst_keras.transfer.descent import State


def write_checkpoint(path: Path, state: State, record: Mapping[str, Any]) -> None:
    """Writes a state whole, with the record of the run that it belongs to."""
    header = {
        "scale": state.scale,
        "step": state.step,
        "losses": state.losses,
        "num_slots": len(state.slots),
        "record": record,
    }
    slots = {f"slot{i}": slot for i, slot in enumerate(state.slots)}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, header=json.dumps(header), image=state.image, **slots)
    write_whole(path, buffer.getvalue())


def read_checkpoint(path: Path, record: Mapping[str, Any]) -> State | None:
    """Returns the state in a checkpoint, or None if there is no file.

    Raises:
        InputError: If the file is damaged, or belongs to a run with another record; the differing
            settings are named.
    """
    try:
        with open_archive(path) as archive:
            header = json.loads(str(archive["header"]))
            slots = [archive[f"slot{i}"] for i in range(header["num_slots"])]
            state = State(header["scale"], header["step"], archive["image"], slots, header["losses"])
            differing = differences(header["record"], json.loads(json.dumps(record)))
    except FileNotFoundError:
        return None
    if differing:
        raise InputError(
            f"{path}: the checkpoint is of another run; these differ: {', '.join(differing)}. "
            "Give the same flags, or leave out --resume to start anew."
        )
    return state


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[Mapping[str, np.ndarray]]:
    """Opens a checkpoint; whatever is wrong with what the block reads from it is told as damage.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is damaged.
    """
    try:
        # From bytes: np.load leaves a damaged file open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            yield archive
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: the checkpoint is damaged ({error}); delete it to start anew") from error


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Names the entries in which two records differ, with both values."""
    names: list[str] = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            names += differences(before, after)
        elif before != after and (name in old or after):  # a younger setting that is off changes nothing
            names.append(f"{name} (was {before}, is {after})")
    return names
