"""Convolution and max pooling of one gray image, as plain arithmetic to look at and to check by hand.

What networks compute is cross-correlation, which the field calls convolution: the kernel isn't
flipped, as it would be in mathematics. A learned kernel makes the two equal (Goodfellow, Bengio &
Courville 2016, section 9.1).
"""

import numpy as np
from numpy.typing import ArrayLike

from nst_keras.errors import InputError, require_choice

PADDINGS = ("valid", "same")


def correlate(image: ArrayLike, kernel: ArrayLike, stride: int = 1, padding: str = "valid") -> np.ndarray:
    """Slides a kernel over an image; each value is the sum of products at one position.

        result[i, j] = sum_{a, b} image[i * stride + a, j * stride + b] * kernel[a, b]

    Args:
        image: Real, [height, width].
        kernel: Real, [kernel height, kernel width]; with `padding="valid"` no larger than the image.
        stride: Steps between positions, in pixels; at least 1.
        padding: "valid" for the positions inside the image alone, "same" for ceil(side / stride) of
            them, with zeros around the image (TensorFlow's rule; see `pad_same`).

    Returns:
        [rows, columns] of NumPy's common type of both; with "valid",
        rows = (height - kernel height) // stride + 1.
    """
    require_choice("padding", padding, PADDINGS)
    pixels, weights = _matrix("image", image), _matrix("kernel", kernel)
    if padding == "same":
        pixels = pad_same(pixels, weights.shape, stride)
    return np.einsum("ijab,ab->ij", _windows(pixels, "kernel", weights.shape, stride), weights)


def max_pool(image: ArrayLike, size: int = 2, stride: int | None = None) -> np.ndarray:
    """Keeps the largest value of each window; what doesn't fill a window at the border is left out.

    A stride of None is `size`, so that windows don't overlap. There are (height - size) // stride + 1 rows.
    """
    _require_positive("size", size)
    step = size if stride is None else stride
    windows = _windows(_matrix("image", image), "size", (size, size), step)
    return windows.max(axis=(2, 3))


def pad_same(image: ArrayLike, kernel_shape: tuple[int, ...], stride: int) -> np.ndarray:
    """Puts zeros around an image, so that a kernel has ceil(side / stride) positions along each axis.

    If their number is odd, the additional one goes below and to the right, as in TensorFlow.
    """
    pixels = _matrix("image", image)
    _require_positive("stride", stride)
    widths = []
    for side, size in zip(pixels.shape, kernel_shape, strict=True):
        total = max((-(-side // stride) - 1) * stride + size - side, 0)
        widths.append((total // 2, total - total // 2))
    return np.pad(pixels, widths)


def _windows(pixels: np.ndarray, name: str, shape: tuple[int, ...], stride: int) -> np.ndarray:
    """What lies under a window at each position, [rows, columns, *shape]; `name` is for messages."""
    _require_positive("stride", stride)
    if shape[0] > pixels.shape[0] or shape[1] > pixels.shape[1]:
        raise InputError(
            f"{name} must fit into the image of {pixels.shape[0]} rows and {pixels.shape[1]} columns. "
            f"Received: {name} of {shape[0]} rows and {shape[1]} columns"
        )
    return np.lib.stride_tricks.sliding_window_view(pixels, shape)[::stride, ::stride]


def _matrix(name: str, values: ArrayLike) -> np.ndarray:
    matrix = np.asarray(values)
    if matrix.ndim != 2 or not matrix.size or matrix.dtype.kind not in "iufb":
        raise InputError(f"{name} must be rows of numbers. Received: shape {matrix.shape}, {matrix.dtype}")
    return matrix


def _require_positive(name: str, value: int) -> None:
    if not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} must be a whole number, at least 1. Received: {name}={value}")
