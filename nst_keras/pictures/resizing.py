"""Resizing of pictures, aspect ratio kept."""

import numpy as np
from PIL import Image

from nst_keras.errors import InputError


def fit_size(image: np.ndarray, longest_side: int) -> tuple[int, int]:
    """Returns the (height, width) that a picture [H, W, C] has with its longer side at `longest_side`."""
    height, width = image.shape[:2]
    scale = longest_side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes with Lanczos-3, anti-aliased when shrinking.

    Args:
        image: float32 [H, W, C]; values may lie outside 0..255 and are not clipped.
        height: Rows of the result.
        width: Columns of the result.

    Returns:
        float32 [height, width, C].

    Raises:
        InputError: If a side isn't positive.
    """
    if height < 1 or width < 1:
        raise InputError(f"a picture must have at least 1x1 pixels. Received: {height}x{width}")
    if image.shape[:2] == (height, width):
        return image.astype(np.float32)
    planes = [
        Image.fromarray(np.ascontiguousarray(image[..., c], np.float32)).resize(
            (width, height), Image.Resampling.LANCZOS
        )
        for c in range(image.shape[-1])
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)
