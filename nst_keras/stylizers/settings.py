"""How a trained stylizer paints; importing this loads no TensorFlow."""

from dataclasses import dataclass

from nst_keras.fields import BELOW_ONE, SHARE, Settings, number, precision_choice, setting


@dataclass(frozen=True)
class FastSettings(Settings):
    """What makes a picture, besides a photo, a stylizer and styles."""

    size: int = number(1024, "Longest side of the picture, in pixels; 0 keeps the content's size.")
    strength: float = number(1.0, "From 0, the content itself, to 1, the painted picture.", SHARE)
    preserve_color: bool = setting(False, "Keep the content image's colours: only brightness is painted.")
    precision: str = precision_choice("the network")


@dataclass(frozen=True)
class VideoSettings(FastSettings):
    """The same for videos."""

    steady: float = number(
        0.8,
        "Videos: share of the previous frame's painting that is kept where the picture only moved along, "
        "against flicker; 0 paints each frame alone.",
        BELOW_ONE,
    )
