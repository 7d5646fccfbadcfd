"""Convolution and max pooling with every number shown, and one position worked out."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from nst_keras.errors import InputError
from nst_keras.ops.correlation import correlate, max_pool, pad_same
from nst_keras.reports.look import BLUE, FAINT, INK, ORANGE, in_our_look

# A digit one, and a kernel that answers where dark turns to bright from left to right.
EXAMPLE_IMAGE = ((0, 0, 2, 0, 0), (0, 1, 2, 0, 0), (0, 0, 2, 0, 0), (0, 0, 2, 0, 0), (0, 1, 2, 1, 0))
EXAMPLE_KERNEL = ((-1, 1), (-1, 1))

_CELL = 0.5  # inches
_GAP = 0.55  # between panels
_LEAST_WIDTH = 1.8  # of a panel with its title
_MARGIN, _TITLE, _LINE = 0.25, 0.35, 0.24
_MOST_CELLS = 20  # a side; beyond, the numbers would be unreadable


@in_our_look
def draw_convolution(
    image: ArrayLike | None = None,
    kernel: ArrayLike | None = None,
    stride: int = 1,
    padding: str = "valid",
    position: tuple[int, int] | None = None,
) -> Figure:
    """Draws image, kernel and result, and the sum of products at one position.

    What is computed is cross-correlation, which the field calls convolution; see
    `nst_keras.ops.correlation.correlate` for the arguments and the formula.

    Args:
        image: [height, width], each side at most 20; None for a digit of 5 by 5 numbers.
        kernel: [kernel height, kernel width]; None for a 2 by 2 finder of edges.
        stride: Pixels between positions.
        padding: "valid" or "same"; the zeros that "same" adds are drawn paler.
        position: Row and column of the result, from 0, that is worked out; None for its largest value.

    Returns:
        A figure with axes labelled image, kernel and result. Each number is a text on them with gid
        "cell", in rows from the top; the worked sum is texts of the figure.
    """
    pixels = np.asarray(EXAMPLE_IMAGE if image is None else image)
    weights = np.asarray(EXAMPLE_KERNEL if kernel is None else kernel)
    result = correlate(pixels, weights, stride, padding)
    padded = pad_same(pixels, weights.shape, stride) if padding == "same" else pixels
    row, column = position = _checked(position, padded, weights, result)
    corner = (row * stride, column * stride)
    window = padded[corner[0] :, corner[1] :][: weights.shape[0], : weights.shape[1]]
    lines = _sum_of_products(window, weights, result[position])
    figure, panels = _make_panels({"image": padded, "kernel": weights, "result": result}, "*=", lines)
    _draw_grid(panels["image"], padded, "image", inner=_inner(padded.shape, pixels.shape))
    _draw_grid(panels["kernel"], weights, "kernel (filter)")
    _draw_grid(panels["result"], result, f"result: stride {stride}, {padding}")
    _frame(panels["image"], corner, weights.shape)
    _frame(panels["kernel"], (0, 0), weights.shape)
    _frame(panels["result"], position, (1, 1))
    for (a, b), weight in np.ndenumerate(weights):
        x, y, text = corner[1] + b + 0.44, corner[0] + a + 0.42, f"\N{MULTIPLICATION SIGN}{_number(weight)}"
        panels["image"].text(x, y, text, ha="right", va="bottom", fontsize=7, color=ORANGE)
    return figure


@in_our_look
def draw_max_pooling(
    image: ArrayLike | None = None,
    size: int = 2,
    stride: int | None = None,
    position: tuple[int, int] | None = None,
) -> Figure:
    """Draws an image and what max pooling keeps of it, and one window worked out.

    Args:
        image: [height, width], each side at most 20; None for the result of `draw_convolution()`.
        size: Side of the windows.
        stride: Pixels between windows; None for `size`.
        position: Row and column of the result, from 0, that is worked out; None for its largest value.

    Returns:
        A figure with axes labelled image and result; see `draw_convolution`.
    """
    pixels = correlate(EXAMPLE_IMAGE, EXAMPLE_KERNEL) if image is None else np.asarray(image)
    result = max_pool(pixels, size, stride)
    step = size if stride is None else stride
    row, column = position = _checked(position, pixels, result)
    corner = (row * step, column * step)
    window = pixels[corner[0] :, corner[1] :][:size, :size]
    line = f"max({', '.join(map(_number, window.ravel()))}) = {_number(result[position])}"
    figure, panels = _make_panels({"image": pixels, "result": result}, "→", [line])
    _draw_grid(panels["image"], pixels, "image")
    _draw_grid(panels["result"], result, f"largest of {size} by {size}, stride {step}")
    _frame(panels["image"], corner, (size, size))
    _frame(panels["result"], position, (1, 1))
    return figure


def _checked(position: tuple[int, int] | None, *grids: np.ndarray) -> tuple[int, int]:
    """The position to work out in the last grid, if all can be drawn; the first is the image."""
    largest = max(side for grid in grids for side in grid.shape)
    if largest > _MOST_CELLS:
        raise InputError(f"image must be at most {_MOST_CELLS} numbers a side. Received: {largest}")
    rows, columns = grids[-1].shape
    if position is None:
        row, column = divmod(int(grids[-1].argmax()), columns)
        return row, column
    if not (0 <= position[0] < rows and 0 <= position[1] < columns):
        raise InputError(
            f"position must lie in 0..{rows - 1},0..{columns - 1}. Received: position={position}"
        )
    return position


def _sum_of_products(window: np.ndarray, weights: np.ndarray, total: float) -> list[str]:
    """The products, those of a row of the kernel on one line, and their sum."""
    lines = [
        " + ".join(f"{_factor(x)}·{_factor(w)}" for x, w in zip(*rows, strict=True))
        for rows in zip(window, weights, strict=True)
    ]
    if len(lines[0]) * len(lines) <= 44:
        lines = [" + ".join(lines)]
    return [*(f"{line} +" for line in lines[:-1]), f"{lines[-1]} = {_number(total)}"]


def _number(value: float) -> str:
    return f"{value + 0.0:.4g}".replace("-", "\N{MINUS SIGN}")


def _factor(value: float) -> str:
    return f"({_number(value)})" if value < 0 else _number(value)


def _make_panels(
    grids: dict[str, np.ndarray], signs: Sequence[str], lines: Sequence[str]
) -> tuple[Figure, dict[str, Axes]]:
    """Axes of exactly one cell a number, side by side with a sign between them; the lines below."""
    widths = [max(grid.shape[1] * _CELL, _LEAST_WIDTH) for grid in grids.values()]
    tallest = max(grid.shape[0] for grid in grids.values()) * _CELL
    width = 2 * _MARGIN + sum(widths) + _GAP * (len(widths) - 1)
    height = _MARGIN + _TITLE + tallest + _LINE * (len(lines) + 0.6)
    figure = Figure(figsize=(width, height))
    middle = height - _MARGIN - _TITLE + 0.1 - tallest / 2
    panels, left = {}, _MARGIN
    for (label, grid), room, sign in zip(grids.items(), widths, [*signs, ""], strict=True):
        rows, columns = (side * _CELL for side in grid.shape)
        corner = (left + (room - columns) / 2, middle - rows / 2)
        box = (corner[0] / width, corner[1] / height, columns / width, rows / height)
        panels[label] = figure.add_axes(box, label=label)
        left += room + _GAP
        figure.text((left - _GAP / 2) / width, middle / height, sign, ha="center", va="center", fontsize=15)
    for number, line in enumerate(reversed(lines)):
        figure.text(0.5, (0.16 + _LINE * number) / height, line, ha="center", va="center", fontsize=9)
    return figure, panels


def _inner(outer: Sequence[int], inner: Sequence[int]) -> tuple[slice, slice]:
    """Where the image lies among the zeros around it."""
    rows, columns = (slice((o - i) // 2, (o - i) // 2 + i) for o, i in zip(outer, inner, strict=True))
    return rows, columns


def _draw_grid(
    axes: Axes, values: np.ndarray, title: str, inner: tuple[slice, slice] = (slice(None), slice(None))
) -> None:
    """A cell for each number, tinted by its sign and size."""
    rows, columns = values.shape
    real = np.zeros(values.shape, bool)
    real[inner] = True
    largest = float(np.abs(values).max()) or 1.0
    for (row, column), value in np.ndenumerate(values):
        x, y = column - 0.5, row - 0.5
        edge = FAINT if real[row, column] else "none"
        strength = 0.35 * abs(float(value)) / largest
        for color, line, alpha in (("none", edge, 1.0), (BLUE if value > 0 else ORANGE, "none", strength)):
            axes.add_patch(Rectangle((x, y), 1, 1, fc=color, ec=line, alpha=alpha, lw=0.6, clip_on=False))
        color = INK if real[row, column] else FAINT
        axes.text(column, row, _number(value), ha="center", va="center", color=color, gid="cell")
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_axis_off()
    axes.set_title(title, loc="center", fontsize=9)


def _frame(axes: Axes, corner: tuple[int, int], shape: Sequence[int]) -> None:
    left_top = (corner[1] - 0.5, corner[0] - 0.5)
    axes.add_patch(
        Rectangle(left_top, shape[1], shape[0], fc="none", ec=ORANGE, lw=2.2, clip_on=False, zorder=4)
    )
