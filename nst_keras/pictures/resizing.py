"""Resizing of pictures, aspect ratio kept."""

import numpy as np
from PIL import Image

from nst_keras.errors import InputError


def fit_size(image: np.ndarray, longest_side: int) -> tuple[int, int]:
    """Returns the (height, width) that a picture [H, W, C] has with its longer side at `longest_side`."""
    height, width = image.shape[:2]
    scale = longest_side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def widened(image: np.ndarray, margin: int) -> np.ndarray:
    """A picture or a mask, [H, W, ...], with so many pixels more on each side, mirrored."""
    return np.pad(image, [(margin, margin)] * 2 + [(0, 0)] * (image.ndim - 2), mode="symmetric")


def within(image: np.ndarray, margin: int) -> np.ndarray:
    """What `widened` added its margin to: a view."""
    height, width = image.shape[:2]
    return image[margin : height - margin, margin : width - margin]


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes a picture, float32 [H, W, C], with Lanczos-3, anti-aliased when shrinking.

    Values may lie outside 0..255 and are not clipped.
    """
    if height < 1 or width < 1:
        raise InputError(f"a picture must have at least 1x1 pixels. Received: {height}x{width}")
    if image.shape[:2] == (height, width):
        return image.astype(np.float32)
    planes = [Image.fromarray(np.ascontiguousarray(plane, np.float32)) for plane in np.moveaxis(image, -1, 0)]
    resized = [plane.resize((width, height), Image.Resampling.LANCZOS) for plane in planes]
    return np.stack([np.asarray(plane) for plane in resized], axis=-1)
