"""A fully connected network as circles and lines: neurons, weights and bias units."""

import itertools
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from nst_keras.errors import InputError
from nst_keras.reports.look import BLUE, FAINT, GREEN, INK, ORANGE, PAPER, in_our_look, new_figure

_MOST_SHOWN = 8  # neurons of a layer; of more, the first and the last ones are drawn
_RADIUS = 0.3
_COLUMN = 2.2  # distance of layers; that of neurons is 1
_GAP = None  # a place without a neuron


@in_our_look
def draw_network(
    sizes: Sequence[int], layer_names: Sequence[str] | None = None, *, bias: bool = True
) -> Figure:
    """Draws a network whose layers are fully connected.

    `draw_network([3, 1])` is a one-layer network, as the perceptron: its inputs compute nothing.
    `draw_network([3, 4, 2])` is a three-layer network in the count that includes the inputs: input,
    hidden and output layer.

    Args:
        sizes: Neurons of each layer, inputs first; at least two layers of at least one. Of a layer
            with more than 8, the first 4 and the last 3 are drawn.
        layer_names: A name for each layer; None for input, hidden 1, ..., output.
        bias: Whether to draw the units that always give 1, whose weights are the biases.

    Returns:
        The figure; a neuron is labelled x (input), a (hidden) or y (output) and its number.
    """
    if len(sizes) < 2 or any(size < 1 for size in sizes):
        raise InputError(f"layers must be two or more whole numbers, at least 1. Received: {list(sizes)}")
    names = _default_names(len(sizes)) if layer_names is None else list(layer_names)
    if len(names) != len(sizes):
        raise InputError(f"layer_names must be {len(sizes)}, one for each layer. Received: {names}")
    last = len(sizes) - 1
    layers = [_places(size) for size in sizes]
    tallest = max(len(places) + (bias and i < last) for i, places in enumerate(layers))
    columns = [_Column(i * _COLUMN, places, bias and i < last) for i, places in enumerate(layers)]
    figure = new_figure(1.1 + 0.55 * _COLUMN * last + 0.6, 0.55 * tallest + 0.9)
    axes = figure.subplots()
    for before, after in itertools.pairwise(columns):
        _connect(axes, before, after)
    for i, (column, name) in enumerate(zip(columns, names, strict=True)):
        _draw_column(axes, column, "x" if i == 0 else "y" if i == last else "a", i in (0, last))
        text = f"{name}\n{sizes[i]} neuron{'s' * (sizes[i] != 1)}" if i else f"{name}\n{sizes[i]} values"
        axes.text(column.x, -tallest / 2 - 0.1, text, ha="center", va="top", fontsize=8, linespacing=1.4)
    axes.set_xlim(-1.1, last * _COLUMN + 1.1)
    axes.set_ylim(-tallest / 2 - 1.1, tallest / 2 + 0.1)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return figure


class _Column:
    """Where a layer's units stand: x, and heights of neurons by number, of a gap and of the bias, if any."""

    def __init__(self, x: float, places: Sequence[int | None], has_bias: bool) -> None:
        count = len(places) + has_bias
        heights = [(count - 1) / 2 - i for i in range(count)]
        self.x = x
        self.bias = heights.pop(0) if has_bias else None
        placed = list(zip(places, heights, strict=True))
        self.neurons = {number: y for number, y in placed if number is not _GAP}
        self.gap = next((y for number, y in placed if number is _GAP), None)


def _default_names(count: int) -> list[str]:
    hidden = [f"hidden {i}" for i in range(1, count - 1)] if count > 3 else ["hidden"] * (count - 2)
    return ["input", *hidden, "output"]


def _places(size: int) -> list[int | None]:
    if size <= _MOST_SHOWN:
        return list(range(size))
    return [0, 1, 2, 3, _GAP, size - 3, size - 2, size - 1]


def _connect(axes: Axes, before: _Column, after: _Column) -> None:
    for y_after in after.neurons.values():
        for y_before in before.neurons.values():
            axes.add_line(Line2D([before.x, after.x], [y_before, y_after], color=FAINT, lw=0.6, zorder=1))
        if before.bias is not None:
            ends = [before.bias, y_after]
            axes.add_line(Line2D([before.x, after.x], ends, color=ORANGE, lw=0.7, ls=(0, (4, 2)), zorder=1))


def _draw_column(axes: Axes, column: _Column, letter: str, outside: bool) -> None:
    edge = BLUE if letter == "a" else GREEN if letter == "x" else INK
    for number, y in column.neurons.items():
        _draw_unit(axes, column.x, y, f"{letter}{number + 1}", edge)
    if column.bias is not None:
        _draw_unit(axes, column.x, column.bias, "1", ORANGE, dashed=True)
    if column.gap is not None:
        axes.text(column.x, column.gap, "⋮", ha="center", va="center", fontsize=14, color=FAINT)


def _draw_unit(axes: Axes, x: float, y: float, text: str, edge: str, dashed: bool = False) -> None:
    style = (0, (3, 2)) if dashed else "solid"
    axes.add_patch(Circle((x, y), _RADIUS, fc=PAPER, ec=edge, lw=1.5, ls=style, zorder=2))
    axes.text(x, y, text, ha="center", va="center", fontsize=8 if len(text) < 4 else 7, zorder=3)
