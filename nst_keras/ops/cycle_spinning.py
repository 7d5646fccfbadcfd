"""Pictures without the grid of the network that paints them; this loads no TensorFlow.

A network that halves and enlarges again draws by where a place lies on its grid: in plain places it prints
the grid, elsewhere it breaks strokes into dots. Painted several times, moved on the grid, and averaged, a
picture has neither: cycle spinning (Coifman and Donoho 1995, "Translation-invariant de-noising").
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

_Pictures = TypeVar("_Pictures", "np.ndarray", "tf.Tensor")
Pads = tuple[tuple[int, int], tuple[int, int]]

_MARGIN = 8  # pixels around the picture, where the network's own borders lie; a multiple of every grid
# Cells of a grid's quarter in the order of a Bayer matrix: the first few are spread as evenly as can be.
_CELLS = tuple(
    (2 * row + outer_row, 2 * column + outer_column)
    for outer_row, outer_column in ((0, 0), (1, 1), (0, 1), (1, 0))
    for row, column in ((0, 0), (1, 1), (0, 1), (1, 0))
)


def cycle_spun(
    paint: Callable[[_Pictures], _Pictures],
    pictures: _Pictures,
    passes: int,
    grid: int,
    pad: Callable[[_Pictures, Pads], _Pictures],
) -> _Pictures:
    """The mean of a picture painted so many times, each time elsewhere on a network's grid.

    Args:
        paint: From pictures to pictures of the same size.
        pictures: [..., height, width, 3], each side of 16 pixels at least.
        passes: From 1 to 16; 1 paints the pictures as they are.
        grid: Pixels by which the network's grid repeats, a multiple of 4, at most 8.
        pad: Mirrors pictures at their borders, the outermost pixels too, by pixels at the top and bottom and
            at the left and right.
    """
    if passes == 1:
        return paint(pictures)

    def painted(row: int, column: int) -> _Pictures:
        (top, bottom), (left, right) = pads = _around(row * grid // 4), _around(column * grid // 4)
        return paint(pad(pictures, pads))[..., top:-bottom, left:-right, :]

    total = painted(*_CELLS[0])
    for cell in _CELLS[1:passes]:
        total = total + painted(*cell)
    return total / passes


def _around(offset: int) -> tuple[int, int]:
    return _MARGIN + offset, _MARGIN - offset


def pad_array(pictures: np.ndarray, pads: Pads) -> np.ndarray:
    """The `pad` of arrays."""
    return np.pad(pictures, [(0, 0)] * (pictures.ndim - 3) + [*pads, (0, 0)], mode="symmetric")
