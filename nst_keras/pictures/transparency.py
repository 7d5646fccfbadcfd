"""Transparency: laid over white where a network looks, and put back on what it paints."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from nst_keras.pictures.metadata import Carried


class Pixels(NamedTuple):
    """Colours float32 [H, W, 3], sRGB on 0..255, and alpha uint8 [H, W], None if all is opaque.

    And what else their file told.
    """

    colors: np.ndarray
    alpha: np.ndarray | None
    carried: Carried = Carried()

    @property
    def rgb(self) -> np.ndarray:
        """What is seen on white."""
        if self.alpha is None:
            return self.colors
        share = self.alpha[..., np.newaxis].astype(np.float32) / 255
        return np.rint(self.colors * share + 255 * (1 - share))


def with_alpha(painted: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """Gives a painted picture [H, W, 3] on 0..255 its content's alpha, resized: [H, W, 4]; None leaves it."""
    if alpha is None:
        return painted
    height, width = painted.shape[:2]
    resized = Image.fromarray(alpha).resize((width, height), Image.Resampling.LANCZOS)
    return np.dstack([painted, np.asarray(resized)])
