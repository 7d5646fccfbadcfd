"""Checkpoints of an optimisation, one file beside the picture, gone when the picture is done."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.fields import recorded_settings
from nst_keras.storage import checkpoint
from nst_keras.storage.checkpoint import Arrays, Values
from nst_keras.transfer.descent import State
from nst_keras.transfer.settings import StyleTransferSettings


def write_checkpoint(path: Path, state: State, record: Mapping[str, Any]) -> None:
    """Writes a state whole, with the record of the run that it belongs to."""
    values = {
        "scale": state.scale,
        "step": state.step,
        "losses": state.losses,
        "margin": state.margin,
    }
    first = [] if state.first is None else [state.first]
    arrays = {"image": [state.canvas], "slot": state.slots, "first": first}
    checkpoint.write_checkpoint(path, values, arrays, record)


def read_checkpoint(path: Path, record: Mapping[str, Any]) -> State | None:
    """Returns the state in a checkpoint, or None if there is no file."""
    other = f"{path}: the checkpoint is of another run"
    advice = "Give the same flags, or leave out --resume to start anew."
    return checkpoint.read_checkpoint(path, record, _state, other=other, advice=advice, renew=_renewed)


def _renewed(record: Values) -> Values:
    """A record of any version as this one would have written it."""
    try:
        return {**record, "settings": recorded_settings(StyleTransferSettings, record["settings"]).to_dict()}
    except (InputError, KeyError):  # a pipeline's record, or a younger version's
        return record


def _state(values: Values, arrays: Arrays) -> State:
    (canvas,) = arrays["image"]
    (first,) = arrays.get("first", [None])
    return State(
        values["scale"],
        values["step"],
        canvas,
        arrays.get("slot", ()),
        values["losses"],
        first,
        values.get("margin", 0),
    )
