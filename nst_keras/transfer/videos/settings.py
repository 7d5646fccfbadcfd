"""Settings of a video that is optimised."""

from dataclasses import dataclass

from nst_keras.fields import FROM_ONE, number
from nst_keras.transfer.settings import StyleTransferSettings


@dataclass(frozen=True)
class FilmSettings(StyleTransferSettings):
    """Those of a picture, for the first frame and after cuts, and what the other frames have besides."""

    frame_steps: int = number(
        60,
        "Steps for each frame but the first, which begins as the one before, moved along.",
        FROM_ONE,
    )
    temporal_weight: float = number(
        500.0, "Weight of a frame's difference from those before, moved along, where they show the same."
    )
