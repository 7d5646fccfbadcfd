"""Fields of settings: default, help, range and the way from text to a value in one place.

Flags, `--set` of a pipeline, a stage's JSON and the settings that a picture carries are all made of these.
"""

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from nst_keras.errors import InputError, did_you_mean, require_choice

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Kind = TypeVar("_Kind", bound="DataclassInstance")
_Set = TypeVar("_Set", bound="Settings")


@dataclass(frozen=True)
class Bounds:
    """Range of a number; `low` itself is allowed unless `open_low`, `high` only if `closed`."""

    low: float = 0
    high: float = math.inf
    open_low: bool = False
    closed: bool = False

    def __contains__(self, value: float) -> bool:
        """Whether a value lies in the range; infinity and NaN never do."""
        above = value > self.low if self.open_low else value >= self.low
        below = value <= self.high if self.closed else value < self.high
        return math.isfinite(value) and above and below

    def __str__(self) -> str:
        """The range in words."""
        if self.closed:
            return f"from {self.low} to {self.high}"
        low = f"above {self.low}" if self.open_low else f"at least {self.low}"
        return low if self.high == math.inf else f"{low} and below {self.high}"


POSITIVE, FROM_ONE, BELOW_ONE = Bounds(open_low=True), Bounds(1), Bounds(0, 1)
SHARE = Bounds(0, 1, closed=True)


PRECISIONS = FLOAT32, MIXED_BFLOAT16 = ("float32", "mixed_bfloat16")


def number(default: float | None, text: str, bounds: Bounds = Bounds(), **more: Any) -> Any:
    """A field that holds a number within bounds, or None if that is its default; with more metadata."""
    return field(default=default, metadata={"help": text, "bounds": bounds, **more})


def choice(
    default: str,
    text: str,
    choices: tuple[str, ...],
    switch: tuple[str, str] | None = None,
    **more: Any,
) -> Any:
    """A field that holds one of some words; `switch` are those that off and on stand for, if any."""
    metadata = {"help": f"{text}.", "choices": choices} | ({"switch": switch} if switch else {})
    return field(default=default, metadata=metadata | more)


def precision_choice(of: str = "a training step") -> Any:
    """A field for the numbers of a computation."""
    return choice(FLOAT32, f"Numbers of {of}; bfloat16 is fast on CPUs that compute in it", PRECISIONS)


def setting(default: Any, text: str, words: Collection[str] | Callable[[], Collection[str]] = ()) -> Any:
    """A field without a range; `words` are, or give, some of its values, which a shell may suggest."""
    return field(default=default, metadata={"help": text, "words": words})


def incidental(spec: Any) -> Any:
    """A field that doesn't change what comes out, but how: parallelism, when something is kept or told."""
    return field(default=spec.default, metadata={**spec.metadata, "incidental": True})


def deciding_fields(settings: "DataclassInstance") -> set[str]:
    """Names of all fields but the incidental ones."""
    return {spec.name for spec in dataclasses.fields(settings) if not spec.metadata.get("incidental")}


def with_default(settings: type, name: str, default: Any) -> Any:
    """A field of other settings again, with another default."""
    metadata = settings.__dataclass_fields__[name].metadata  # type: ignore[attr-defined]
    if isinstance(default, Mapping):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def weights_by_name(default: Mapping[str, float], text: str, words: Collection[str] = ()) -> Any:
    """A field that holds a number for each of some names, some of which are `words`."""
    text = f"{text}, as name or name:weight, by commas."
    return field(default_factory=lambda: dict(default), metadata={"help": text, "words": words})


@dataclass(frozen=True)
class Settings:
    """Base of all settings, which checks every field made by `number`, `choice` and `weights_by_name`.

    Raises:
        InputError: If a value is out of range, with the field's name.
    """

    def __post_init__(self) -> None:
        types = field_types(type(self))
        for spec in dataclasses.fields(self):
            name, value = spec.name, getattr(self, spec.name)
            if value is None and spec.default is None:
                continue
            if "switch" in spec.metadata and isinstance(value, bool):
                value = spec.metadata["switch"][value]
                object.__setattr__(self, name, value)
            if "choices" in spec.metadata:
                require_choice(name, value, spec.metadata["choices"])
            if "bounds" in spec.metadata:
                require_number(name, value, spec.metadata["bounds"], whole=types[name] is int)
            if get_origin(types[name]) is Mapping:
                if not isinstance(value, Mapping):
                    raise InputError(f"{name} must map names to weights. Received: {name}={value}")
                for key, weight in value.items():
                    require_number(f"{name}[{key}]", weight, Bounds(), whole=False)

    @classmethod
    def heeded(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of recorded values that had an effect; all, unless a class knows better."""
        return dict(values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)

    def narrowed(self, kind: type[_Kind]) -> _Kind:
        """Those of the fields that `kind` has, too."""
        return kind(**{name: getattr(self, name) for name in field_types(kind)})


def require_number(name: str, value: Any, bounds: Bounds, *, whole: bool) -> None:
    """Checks that a value is a number within bounds.

    Raises:
        InputError: If it isn't, or is a fraction though it must be whole.
    """
    kind, text = (int, "a whole number") if whole else ((int, float), "a finite number")
    if isinstance(value, bool) or not isinstance(value, kind) or value not in bounds:
        raise InputError(f"{name} must be {text}, {bounds}. Received: {name}={value}")


def field_types(kind: "type[DataclassInstance]") -> dict[str, Any]:
    """The type of each field of a dataclass; of one that may be None, the other type."""
    hints = get_type_hints(kind)
    return {spec.name: _without_none(hints[spec.name]) for spec in dataclasses.fields(kind)}


def _without_none(hint: Any) -> Any:
    return next(part for part in get_args(hint) if part is not NoneType) if type(hint) is UnionType else hint


def parse_settings(kind: type[_Kind], values: Mapping[str, Any]) -> _Kind:
    """Makes any settings of texts, or of what JSON holds.

    Raises:
        InputError: If a field is unknown or missing, or a value isn't of its type or out of range.
    """
    parsed = {name: parse_field(kind, name, value) for name, value in values.items()}
    try:
        return kind(**parsed)
    except TypeError as error:
        raise InputError(f"{kind.__name__} needs more fields ({error})") from error


def recorded_settings(kind: type[_Set], values: Mapping[str, Any]) -> _Set:
    """Settings that were kept in a file, maybe before all of today's fields were there.

    A field that is missing gets the value of its metadata `before`, which does what was done without it, or
    else its default; so does one that had no effect, whose default may have been another.

    Raises:
        InputError: As `parse_settings`.
    """
    specs = dataclasses.fields(kind)
    before = {spec.name: spec.metadata["before"] for spec in specs if "before" in spec.metadata}
    return parse_settings(kind, kind.heeded(before | dict(values)))


def change_settings(settings: _Kind, values: Mapping[str, Any]) -> _Kind:
    """Returns settings with other values, given as for `parse_settings`.

    Raises:
        InputError: If a field is unknown, or a value isn't of its type or out of range.
    """
    parsed = {name: parse_field(type(settings), name, value) for name, value in values.items()}
    return dataclasses.replace(settings, **parsed)


def parse_field(kind: "type[DataclassInstance]", name: str, value: Any) -> Any:
    """Reads a field's value from text; what has the field's type already stays as it is.

    Raises:
        InputError: If there is no such field, or the value isn't of its type.

    >>> parse_field(Bounds, "low", "2.5"), parse_field(Bounds, "closed", "yes")
    (2.5, True)
    """
    types = field_types(kind)
    if name not in types:
        raise InputError(f"{name} must be a field: {', '.join(types)}{did_you_mean(name, types)}")
    hint, spec = types[name], kind.__dataclass_fields__[name]
    if value is None and spec.default is None:
        return None
    if "switch" in spec.metadata and str(value).lower() in _WORDS:
        return spec.metadata["switch"][_WORDS[str(value).lower()]]
    try:
        return _parse(hint, value)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{name} must be {_expected(hint)}. Received: {name}={value}") from error


def format_value(value: Any) -> str:
    """A field's value as one would type it."""
    if isinstance(value, Mapping):
        return ",".join(f"{name}:{repr(weight).removesuffix('.0')}" for name, weight in value.items())
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(map(format_value, value)) if isinstance(value, tuple) else str(value)


_WORDS = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)
_EXPECTED: dict[Any, str] = {
    bool: f"one of {', '.join(_WORDS)}",
    int: "a whole number",
    float: "a number",
    str: "text",
    Mapping: "names, or name:weight, by commas",
}


def _expected(hint: Any) -> str:
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind is not tuple:
        return _EXPECTED[kind]
    number = "" if ... in parts else f"{len(parts)} "
    what = {int: "whole numbers", float: "numbers"}.get(parts[0], "values")
    return f"{number}{what} by commas"


def _parse(hint: Any, value: Any) -> Any:
    kind = get_origin(hint) or hint
    parts = filter(None, map(str.strip, value.split(","))) if isinstance(value, str) else value
    if kind is tuple:
        part_type, *others = get_args(hint)
        values = tuple(_parse(part_type, part) for part in parts)
        if ... not in others and len(values) != 1 + len(others):
            raise ValueError(value)
        return values
    if kind is Mapping:
        pairs = parts.items() if isinstance(parts, Mapping) else (_pair(part) for part in parts)
        return {name: _parse(float, weight) for name, weight in pairs}
    if isinstance(value, str):
        return _WORDS[value.lower()] if kind is bool else kind(value) if kind in (int, float) else value
    if kind is float and type(value) is int:
        return float(value)
    if kind in _EXPECTED and type(value) is not kind:
        raise TypeError(value)
    return value


def _pair(part: str) -> tuple[str, str]:
    name, colon, weight = part.partition(":")
    return name, weight if colon else "1"
