"""How a trained stylizer paints; importing this loads no TensorFlow."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from nst_keras.errors import InputError
from nst_keras.fields import BELOW_ONE, check_fields, number, precision_choice, setting


@dataclass(frozen=True)
class FastSettings:
    """What makes a picture, besides a photo, a stylizer and styles.

    Raises:
        InputError: If a value is out of range, with the field's name.
    """

    size: int = number(1024, "Longest side of the picture, in pixels; 0 keeps the content's size.")
    strength: float = setting(1.0, "From 0, the content itself, to 1, the painted picture.")
    preserve_color: bool = setting(False, "Keep the content image's colours: only brightness is painted.")
    precision: str = precision_choice("the network")

    def __post_init__(self) -> None:
        """Checks every value."""
        check_fields(self)
        strength = self.strength
        if isinstance(strength, bool) or not math.isfinite(strength) or not 0 <= strength <= 1:
            raise InputError(f"strength must be a number from 0 to 1. Received: strength={strength}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class VideoSettings(FastSettings):
    """The same for videos.

    Raises:
        InputError: If a value is out of range, with the field's name.
    """

    steady: float = number(
        0.8,
        "Share of the previous frame's painting that is kept where the picture only moved along, against "
        "flicker; 0 paints each frame alone.",
        BELOW_ONE,
    )
