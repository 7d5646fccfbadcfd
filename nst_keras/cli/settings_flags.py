"""A flag for every field of `StyleTransferSettings`; values, ranges and help have their home there."""

import dataclasses
from typing import Any

from absl import flags

from nst_keras.errors import InputError
from nst_keras.transfer.presets import DEFAULT, PRESETS
from nst_keras.transfer.settings import StyleTransferSettings, format_setting, parse_layers

_FIELDS = dataclasses.fields(StyleTransferSettings)
_LAYERS = ("content_layers", "style_layers")

# [In brackets] the help shows the value of the preset default; a flag that isn't given is None.
_PRESET = flags.DEFINE_enum("preset", "default", list(PRESETS), "Settings to start from.")


for _field in _FIELDS:
    _text = f"{_field.metadata['help']} [{format_setting(DEFAULT, _field.name)}]"
    if _field.type is int:
        flags.DEFINE_integer(_field.name, None, _text)
    elif _field.type is float:
        flags.DEFINE_float(_field.name, None, _text)
    elif _field.type is bool:
        flags.DEFINE_bool(_field.name, None, _text)
    else:
        flags.DEFINE_string(_field.name, None, _text)


def parsed(repeated: dict[str, Any] | None) -> StyleTransferSettings:
    """Returns the preset, or the settings of a picture that is repeated, with the given flags on top.

    Raises:
        absl.flags.IllegalFlagValueError: If a flag is out of range.
        InputError: If the repeated picture's settings don't fit this version.
    """
    values = {field.name: flags.FLAGS[field.name].value for field in _FIELDS}
    changes = {name: value for name, value in values.items() if value is not None}
    if repeated is None or flags.FLAGS["preset"].present:
        base = PRESETS[_PRESET.value]
    else:
        base = _from_record(repeated)
    try:
        for name in _LAYERS:
            if name in changes:
                changes[name] = parse_layers(changes[name], name)
        return dataclasses.replace(base, **changes)
    except InputError as error:
        raise flags.IllegalFlagValueError(f"--{error}") from error


def _from_record(repeated: dict[str, Any]) -> StyleTransferSettings:
    try:
        return StyleTransferSettings(**repeated)
    except (TypeError, AttributeError) as error:
        raise InputError(f"the picture's settings are of another version: {error}") from error
