"""Pictures without the grid of the network that paints them; this loads no TensorFlow.

A network that halves and enlarges again draws by where a place lies on its grid: in plain places it prints
the grid, elsewhere it breaks strokes into dots. Painted several times, moved on the grid, and averaged, a
picture has neither: cycle spinning (Coifman and Donoho 1995, "Translation-invariant de-noising").
"""

from collections.abc import Callable

import numpy as np

MARGIN = 8  # pixels around the picture, where the network's own borders lie; a multiple of every grid
# Cells of a grid's quarter in the order of a Bayer matrix: the first few are spread as evenly as can be.
_CELLS = tuple(
    (2 * row + outer_row, 2 * column + outer_column)
    for outer_row, outer_column in ((0, 0), (1, 1), (0, 1), (1, 0))
    for row, column in ((0, 0), (1, 1), (0, 1), (1, 0))
)


def offsets(passes: int, grid: int) -> list[tuple[int, int]]:
    """How far a picture is moved down and to the right in each pass, in pixels, less than `MARGIN`.

    Args:
        passes: From 1 to 16.
        grid: Pixels by which the network's grid repeats: 4 or 8.
    """
    return [(row * grid // 4, column * grid // 4) for row, column in _CELLS[:passes]]


def cycle_spun(
    paint: Callable[[np.ndarray], np.ndarray], picture: np.ndarray, passes: int, grid: int
) -> np.ndarray:
    """The mean of a picture painted so many times, each time elsewhere on a network's grid.

    Args:
        paint: From a picture to one of the same size.
        picture: [height, width, 3], each side of 16 pixels at least.
        passes: As for `offsets`; 1 paints the picture as it is.
        grid: As for `offsets`.
    """
    if passes == 1:
        return paint(picture)
    height, width = picture.shape[:2]
    total = np.zeros_like(picture)
    for down, right in offsets(passes, grid):
        top, left = MARGIN + down, MARGIN + right
        pads = ((top, MARGIN - down), (left, MARGIN - right), (0, 0))
        painted = paint(np.pad(picture, pads, mode="symmetric"))
        total += painted[top : top + height, left : left + width]
    return total / passes
