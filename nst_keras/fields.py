"""Fields of settings: default, help text and range in one place, for checks and for the command line."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nst_keras.errors import InputError, require_choice

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class Bounds:
    """Range of a number; `low` itself is allowed unless `open_low`, `high` never is."""

    low: float = 0
    high: float = math.inf
    open_low: bool = False

    def __contains__(self, value: float) -> bool:
        """Whether a value lies in the range; infinity and NaN never do."""
        above = value > self.low if self.open_low else value >= self.low
        return math.isfinite(value) and above and value < self.high

    def __str__(self) -> str:
        """The range in words."""
        low = f"above {self.low}" if self.open_low else f"at least {self.low}"
        return low if self.high == math.inf else f"{low} and below {self.high}"


POSITIVE, FROM_ONE, BELOW_ONE = Bounds(open_low=True), Bounds(1), Bounds(0, 1)


PRECISIONS = FLOAT32, MIXED_BFLOAT16 = ("float32", "mixed_bfloat16")


def number(default: float, text: str, bounds: Bounds = Bounds()) -> Any:
    """A field that holds a number within bounds."""
    return field(default=default, metadata={"help": text, "bounds": bounds})


def choice(default: str, text: str, choices: tuple[str, ...]) -> Any:
    """A field that holds one of some words."""
    return field(default=default, metadata={"help": f"{text}: {' or '.join(choices)}.", "choices": choices})


def precision_choice(of: str = "a training step") -> Any:
    """A field for the numbers of a computation."""
    return choice(FLOAT32, f"Numbers of {of}; bfloat16 is fast on CPUs that compute in it", PRECISIONS)


def setting(default: Any, text: str) -> Any:
    """A field without a range."""
    return field(default=default, metadata={"help": text})


def with_default(settings: type, name: str, default: Any) -> Any:
    """A field of other settings again, with another default."""
    return field(default=default, metadata=settings.__dataclass_fields__[name].metadata)  # type: ignore[attr-defined]


def check_fields(settings: "DataclassInstance") -> None:
    """Checks every field made by `number` and `choice`.

    Raises:
        InputError: If a value is out of range, with the field's name.
    """
    for spec in dataclasses.fields(settings):
        value = getattr(settings, spec.name)
        if "choices" in spec.metadata:
            require_choice(spec.name, value, spec.metadata["choices"])
        if "bounds" in spec.metadata:
            require_number(spec.name, value, spec.metadata["bounds"], whole=spec.type is int)


def require_number(name: str, value: Any, bounds: Bounds, *, whole: bool) -> None:
    """Checks that a value is a number within bounds.

    Raises:
        InputError: If it isn't, or is a fraction though it must be whole.
    """
    kind, text = (int, "a whole number") if whole else ((int, float), "a finite number")
    if isinstance(value, bool) or not isinstance(value, kind) or value not in bounds:
        raise InputError(f"{name} must be {text}, {bounds}. Received: {name}={value}")
