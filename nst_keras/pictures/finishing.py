"""A painted picture as it is kept."""

from typing import Protocol

import numpy as np

from nst_keras.ops.blending import apply_strength
from nst_keras.pictures.color import with_colors_of
from nst_keras.pictures.resizing import resize


class Finish(Protocol):
    """The part of settings that is about the finished picture."""

    @property
    def strength(self) -> float:
        """From 0, the content itself, to 1, the painted picture."""

    @property
    def preserve_color(self) -> bool:
        """Whether the content's colours are kept."""


def finish(painted: np.ndarray, content: np.ndarray, settings: Finish) -> np.ndarray:
    """Returns uint8 [H, W, 3], colours and strength as wanted, clipped and rounded.

    Both are float32, RGB on 0..255; the content, [h, w, 3], is resized to the painting.
    """
    content = resize(content, *painted.shape[:2])
    if settings.preserve_color:
        painted = with_colors_of(painted, content)
    strength = np.array([settings.strength], np.float32)
    mixed = apply_strength(content[np.newaxis], painted[np.newaxis], strength)[0]
    return np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)
