"""How a trained stylizer paints; importing this loads no TensorFlow."""

from dataclasses import dataclass

from nst_keras.fields import BELOW_ONE, Bounds, number, precision_choice
from nst_keras.pictures.settings import FinishSettings

PASSES = Bounds(1, 16, closed=True)
LARGEST = 1024  # longest side of what is painted of a large content if no size is given


@dataclass(frozen=True)
class FastSettings(FinishSettings):
    """What makes a picture, besides a photo, a stylizer and styles."""

    size: int | None = number(
        None,
        f"Longest side of the picture, in pixels; 0 keeps the content's size, which is also what there is "
        f"unless this is given, but at most {LARGEST}.",
    )
    precision: str = precision_choice("the network")
    passes: int | None = number(
        None,
        "Paint so many times, each time elsewhere on the network's grid, and take the mean, which has no "
        "grid and whole strokes; unless this is given, 4 for Magenta's networks and 1 for others.",
        PASSES,
        before=1,
    )

    def longest_side(self, own: int) -> int:
        """That of the picture which is made of a content with the longest side `own`."""
        return min(own, LARGEST) if self.size is None else self.size or own


@dataclass(frozen=True)
class VideoSettings(FastSettings):
    """The same for videos."""

    steady: float = number(
        0.8,
        "Videos: share of the previous frame's painting that is kept where the picture only moved along, "
        "against flicker; 0 paints each frame alone.",
        BELOW_ONE,
    )
