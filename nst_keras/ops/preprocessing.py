"""From an RGB picture on 0..255 to the input of VGG-19, and back."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Array = TypeVar("Array")  # a NumPy array or a tensor


def preprocess(image: Array, mean_pixel: Sequence[float]) -> Array:
    """Subtracts the training set's mean colour, as the weight file has it, from float32 [..., 3]."""
    return image - np.asarray(mean_pixel, np.float32)  # type: ignore[operator]


def deprocess(image: Array, mean_pixel: Sequence[float]) -> Array:
    """Undoes `preprocess`; values may lie outside 0..255."""
    return image + np.asarray(mean_pixel, np.float32)  # type: ignore[operator]
