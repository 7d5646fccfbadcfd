"""Flags made from the fields of settings; values, ranges and help have their home there."""

import contextlib
import dataclasses
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from absl import flags

from nst_keras.errors import InputError
from nst_keras.fields import field_types, parse_field

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Kind = TypeVar("_Kind", bound="DataclassInstance")


def flags_of(*settings: "type[DataclassInstance]") -> flags.FlagValues:
    """A command's flags: one for each field of some settings."""
    flag_values = flags.FlagValues()
    for kind in settings:
        define(kind, flag_values)
    return flag_values


class FieldFlag(flags.Flag):
    """The flag of a field. Its value stays text, which is read as any text for a field is."""

    def __init__(self, field: "dataclasses.Field[Any]", kind: Any, note: str = "") -> None:
        help_text = f"{note}{field.metadata['help']}"
        parser: flags.ArgumentParser[str] = flags.ArgumentParser()
        serializer: flags.ArgumentSerializer[str] = flags.ArgumentSerializer()
        boolean = kind is bool or "switch" in field.metadata
        super().__init__(parser, serializer, field.name, None, help_text, boolean=boolean)
        self.field, self.kind = field, kind


def define(
    settings: "type[DataclassInstance]",
    flag_values: flags.FlagValues,
    without: Collection[str] = (),
    note: str = "",
) -> None:
    """Defines a flag for each field, with None as the default, which stands for the field's own.

    A note comes before the help of each.
    """
    types = field_types(settings)
    for field in dataclasses.fields(settings):
        if field.name not in without:
            flags.DEFINE_flag(FieldFlag(field, types[field.name], note), flag_values)


def given(settings: "type[DataclassInstance]", flag_values: flags.FlagValues) -> dict[str, Any]:
    """Values of those flags that were given, in their fields' types."""
    texts = {name: flag_values[name].value for name in field_types(settings) if name in flag_values}
    return {name: parse_field(settings, name, text) for name, text in texts.items() if text is not None}


def parsed(settings: type[_Kind], flag_values: flags.FlagValues, **defaults: Any) -> _Kind:
    """Settings of the flags that were given, and of `defaults` for those that weren't."""
    with naming_flags():
        return settings(**defaults | given(settings, flag_values))


@contextlib.contextmanager
def naming_flags() -> Iterator[None]:
    """Within it, an error about a field is one about its flag."""
    try:
        yield
    except InputError as error:
        raise flags.IllegalFlagValueError(f"--{error}") from error
