"""Flags made from the fields of settings; values, ranges and help have their home there."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def define(
    settings: "type[DataclassInstance]", flag_values: flags.FlagValues, without: Sequence[str] = ()
) -> None:
    """Defines a flag for each field, with None as the default, which stands for the field's own.

    The help shows the field's default [in brackets].
    """
    for field in dataclasses.fields(settings):
        if field.name in without:
            continue
        text = f"{field.metadata['help']} [{_format(field.default)}]"
        if "choices" in field.metadata:
            flags.DEFINE_enum(field.name, None, field.metadata["choices"], text, flag_values=flag_values)
            continue
        kinds: dict[Any, Any] = {
            int: flags.DEFINE_integer,
            float: flags.DEFINE_float,
            bool: flags.DEFINE_bool,
        }
        kinds.get(field.type, flags.DEFINE_string)(field.name, None, text, flag_values=flag_values)


def given(settings: "type[DataclassInstance]", flag_values: flags.FlagValues) -> dict[str, Any]:
    """The values of those flags that were given."""
    names = [field.name for field in dataclasses.fields(settings) if field.name in flag_values]
    values = {name: flag_values[name].value for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _format(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) or "none"
