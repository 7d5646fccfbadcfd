"""How a training went and where the classifier errs: curves, confusion matrix, worst mistakes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from nst_keras.reports.look import (
    BLUE,
    FAINT,
    INK,
    ORANGE,
    PAPER,
    in_our_look,
    new_figure,
    shorten,
    show_picture,
    text_figure,
)

_PANELS = {"loss": "Loss", "accuracy": "Accuracy", "learning_rate": "Learning rate"}
_MOST_NUMBERED = 20  # classes; beyond, numbers in the cells would be unreadable
_MOST_NAMED = 120  # classes; beyond, only some rows and columns bear names
# Of a page of pictures, in inches: a picture's place with the words above and below it, and its longest side.
_COLUMNS, _CELL, _PICTURE = 6, (1.6, 1.9), 1.3


@in_our_look
def learning_curves(history: Sequence[Mapping[str, float]]) -> Figure:
    """Draws loss, accuracy and learning rate by epoch, in training and validation, as far as there are any.

    The history has a mapping for each epoch with any of the keys epoch, loss, val_loss, accuracy,
    val_accuracy, learning_rate; values that are missing or not finite leave a gap.
    """
    panels = [key for key in _PANELS if any(key in row or f"val_{key}" in row for row in history)]
    if not panels:
        return text_figure("No epoch was recorded.")
    epochs = [row.get("epoch", number) for number, row in enumerate(history, start=1)]
    figure = new_figure(3.6 * len(panels), 3.0)
    for axes, key in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        axes.set_title(_PANELS[key])
        axes.set_xlabel("epoch")
        axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        axes.grid(True)
        _draw_curve(axes, epochs, _column(history, key), "training", BLUE)
        _draw_curve(axes, epochs, _column(history, f"val_{key}"), "validation", ORANGE)
        if key == "learning_rate":
            axes.yaxis.set_major_formatter("{x:g}")
        else:
            axes.legend(loc="best")
    return figure


def _column(history: Sequence[Mapping[str, float]], key: str) -> np.ndarray:
    values = np.array([row.get(key, math.nan) for row in history], float)
    return np.where(np.isfinite(values), values, math.nan)


def _draw_curve(axes: Axes, epochs: Sequence[float], values: np.ndarray, label: str, color: str) -> None:
    if not np.isnan(values).all():
        axes.plot(epochs, values, color=color, label=label, marker="o" if len(epochs) <= 40 else "")


@in_our_look
def confusion_matrix(counts: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Draws how often each class was taken for each other one.

    Rows are true classes, columns predicted ones; blue is right, orange wrong, and the darker the
    larger the share of the row (by its cube root, so that rare mistakes show). Up to 20 classes bear
    their counts, [classes, classes]; the figure grows with the number of classes, so that 100 names are
    readable.
    """
    size = len(class_names)
    total, right = int(counts.sum()), int(np.trace(counts))
    names = [shorten(name, 20) for name in class_names]
    cell = 0.46 if size <= _MOST_NUMBERED else max(0.115, 0.46 * _MOST_NUMBERED / size)
    side = min(cell * size, 14.0)
    margin = 0.5 + 0.075 * max(map(len, names), default=0)
    figure = new_figure(max(side + margin, 4.2), max(side + margin, 2.4) + 0.5)
    axes = figure.subplots()
    axes.imshow(_shades(counts), interpolation="nearest", aspect="equal")
    axes.set_title(f"{right / total:.1%} of {total} pictures are right" if total else "No pictures")
    axes.set_xlabel("predicted class  (blue: right, orange: wrong)")
    axes.set_ylabel("true class")
    _name_cells(axes, names)
    if size <= _MOST_NUMBERED:
        _number_cells(axes, counts)
    return figure


def _shades(counts: np.ndarray) -> np.ndarray:
    """RGB of each cell, [n, n, 3] in 0..1."""
    strength = np.cbrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))[..., None]
    hue = np.where(np.eye(len(counts), dtype=bool)[..., None], _rgb(BLUE), _rgb(ORANGE))
    return _rgb(PAPER) + (hue - _rgb(PAPER)) * strength


def _rgb(color: str) -> np.ndarray:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def _name_cells(axes: Axes, names: Sequence[str]) -> None:
    ticks = range(0, len(names), math.ceil(len(names) / _MOST_NAMED))
    shown = [names[tick] for tick in ticks]
    size = 8 if len(names) <= _MOST_NUMBERED else 7
    upright = max(map(len, names), default=0) <= 3 and len(names) <= _MOST_NUMBERED
    axes.set_xticks(ticks, shown, fontsize=size, rotation=0 if upright else 90)
    axes.set_yticks(ticks, shown, fontsize=size)
    axes.tick_params(length=0)


def _number_cells(axes: Axes, counts: np.ndarray) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for row, column in np.argwhere(counts):
        color = PAPER if shares[row, column] > 0.3 else INK
        text = str(counts[row, column])
        size = 8 if len(text) < 5 else 7
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=size, in_layout=False)


@in_our_look
def confident_mistakes(
    images: np.ndarray,
    labels: ArrayLike,
    probabilities: ArrayLike,
    class_names: Sequence[str],
    count: int = 24,
    total: tuple[int, int] | None = None,
) -> Figure:
    """Shows the mistakes that the classifier was surest of: often they are faults in the labels.

    At most `count` of the pictures, uint8 [n, height, width, channels], make a grid, the surest first, each
    with true → predicted class and the latter's probability; a sentence says so if there are no mistakes. If
    these are only the surest, `total` says how many pictures and mistakes there are.
    """
    truth, chances = np.asarray(labels), np.asarray(probabilities)
    guesses, surest = chances.argmax(axis=1), chances.max(axis=1)
    wrong = np.flatnonzero(guesses != truth)
    chosen = wrong[np.argsort(-surest[wrong], kind="stable")][:count]
    pictures, mistakes = total or (len(truth), len(wrong))
    if not len(chosen):
        return text_figure(f"No mistakes among {pictures} pictures.")
    rows = math.ceil(len(chosen) / _COLUMNS)
    figure = new_figure(_CELL[0] * _COLUMNS, _CELL[1] * rows + 0.5)
    which = f"The {len(chosen)} surest of {mistakes}" if len(chosen) < mistakes else f"All {mistakes}"
    title = f"{which} mistakes: true → predicted, probability"
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    axes = figure.subplots()  # one for all, in inches: one for each would take most of a report's time
    half_width, half_height = _PICTURE / 2 * np.divide(images.shape[2:0:-1], max(images.shape[1:3]))
    for place, index in enumerate(chosen):
        row, column = divmod(place, _COLUMNS)
        x, y = (column + 0.5) * _CELL[0], (row + 0.55) * _CELL[1]
        top, bottom = y - half_height, y + half_height
        show_picture(axes, images[index], (x - half_width, x + half_width, bottom, top))
        true, guess = (shorten(class_names[i], 16) for i in (truth[index], guesses[index]))
        arrow = f"{true} → {guess}" if len(true) + len(guess) <= 16 else f"{true}\n→ {guess}"
        # The layout needn't measure what lies inside.
        inside: dict[str, Any] = {"fontsize": 8, "ha": "center", "in_layout": False}
        axes.text(x, top - 0.05, arrow, va="bottom", **inside)
        axes.text(x, bottom + 0.05, f"{surest[index]:.3f}", color=FAINT, va="top", **inside)
    axes.set(xlim=(0, _CELL[0] * _COLUMNS), ylim=(_CELL[1] * rows, 0))
    return figure
