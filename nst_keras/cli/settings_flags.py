"""A flag for every field of `StyleTransferSettings`; values, ranges and help have their home there."""

import dataclasses
from typing import Any

from absl import flags

from nst_keras.cli import field_flags
from nst_keras.errors import InputError
from nst_keras.fields import parse_settings
from nst_keras.transfer.presets import PRESETS
from nst_keras.transfer.settings import StyleTransferSettings

# [In brackets] the help shows the value of the preset default; a flag that isn't given is None.
_PRESET = flags.DEFINE_enum("preset", "default", list(PRESETS), "Settings to start from.")


field_flags.define(StyleTransferSettings, flags.FLAGS)


def parsed(repeated: dict[str, Any] | None) -> StyleTransferSettings:
    """Returns the preset, or the settings of a picture that is repeated, with the given flags on top.

    Raises:
        absl.flags.IllegalFlagValueError: If a flag is out of range.
        InputError: If the repeated picture's settings don't fit this version.
    """
    if repeated is None or flags.FLAGS["preset"].present:
        base = PRESETS[_PRESET.value]
    else:
        base = _from_record(repeated)
    with field_flags.naming_flags():
        return dataclasses.replace(base, **field_flags.given(StyleTransferSettings, flags.FLAGS))


def _from_record(repeated: dict[str, Any]) -> StyleTransferSettings:
    try:
        return parse_settings(StyleTransferSettings, repeated)
    except InputError as error:
        raise InputError(f"the picture's settings are of another version: {error}") from error
