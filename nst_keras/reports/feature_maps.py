"""What a convolutional network has learned: its filters, and what they find in a picture."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nst_keras.errors import InputError, did_you_mean
from nst_keras.reports.look import BLUE, FAINT, GRID, ORANGE, PAPER, in_our_look, new_figure

_COLUMNS = 8
_MOST_SHOWN = 64
_SIGNS = "blue: positive, orange: negative"
_SIGNED = LinearSegmentedColormap.from_list("signed", [ORANGE, PAPER, BLUE])


def convolution_names(model: keras.Model) -> list[str]:
    """Names of a model's two-dimensional convolutions, from input to output."""
    return [layer.name for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]


@in_our_look
def draw_filters(model: keras.Model, layer: str = "", channel: int | None = None) -> Figure:
    """Draws the filters of a convolution.

    Filters of one input channel are drawn with their signs; those that look at RGB pictures, in colour
    (each filter stretched to 0..1, so 0 is a gray of its own); all others by their mean over the input
    channels.

    Args:
        model: A model with convolutions.
        layer: Name of one of them; empty for the first. Its first 64 filters are drawn.
        channel: Draw the weights for this input channel alone, from 0.
    """
    name = _convolution(model, layer)
    kernel = keras.ops.convert_to_numpy(model.get_layer(name).kernel)  # [h, w, in, out]
    inputs = kernel.shape[2]
    if channel is not None:
        if not 0 <= channel < inputs:
            raise InputError(f"channel must be in 0..{inputs - 1} for {name}. Received: channel={channel}")
        return _draw_grid(kernel[:, :, channel], f"{name}: weights for channel {channel}")
    if inputs == 3 and name == _convolution(model, ""):
        low, high = kernel.min(axis=(0, 1, 2)), kernel.max(axis=(0, 1, 2))
        colors = (kernel - low) / np.maximum(high - low, 1e-12)
        return _draw_grid(colors, f"{name}: filters in colour, each on its own scale", signs=False)
    what = "filters" if inputs == 1 else f"filters, mean over {inputs} input channels"
    return _draw_grid(kernel.mean(axis=2), f"{name}: {what}")


@in_our_look
def draw_feature_maps(model: keras.Model, image: np.ndarray, layer: str = "") -> Figure:
    """Draws a picture, and what each of the first 64 filters of a layer answers to it, all on one scale.

    Args:
        model: A functional model that takes pixels 0..255.
        image: uint8 [height, width, channels], as the model takes it.
        layer: Name of a layer whose output is [batch, height, width, channels], be it a convolution or
            what follows one; empty for the first convolution.
    """
    name = layer if layer in _map_names(model) else _convolution(model, layer)
    expected = tuple(model.input_shape[1:])
    if len(expected) != image.ndim or any(
        e not in (None, s) for e, s in zip(expected, image.shape, strict=True)
    ):
        raise InputError(f"image must be of shape {expected}. Received: shape {image.shape}")
    inner = keras.Model(model.input, model.get_layer(name).output)
    maps = keras.ops.convert_to_numpy(inner(image[np.newaxis], training=False))[0]
    return _draw_grid(maps, f"{name}: answers to the picture", picture=image)


def _map_names(model: keras.Model) -> list[str]:
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    return [layer.name for layer in layers if len(getattr(layer.output, "shape", ())) == 4]


def _convolution(model: keras.Model, layer: str) -> str:
    names = convolution_names(model)
    if not names:
        raise InputError(f"model must have convolutions. Received: {model.name}, which has none")
    if layer and layer not in names:
        raise InputError(
            f"layer must be one of {', '.join(names)}. Received: layer={layer}{did_you_mean(layer, names)}"
        )
    return layer or names[0]


def _draw_grid(
    pictures: np.ndarray, title: str, *, signs: bool = True, picture: np.ndarray | None = None
) -> Figure:
    """Draws `pictures` [h, w, n], or [h, w, 3, n] in colour, on one scale; `picture` before them."""
    count = min(pictures.shape[-1], _MOST_SHOWN)
    columns = min(_COLUMNS, count)
    rows = math.ceil(count / columns)
    first = 0.0 if picture is None else -1.25  # where the picture stands, left of the others
    limit = float(np.abs(pictures).max()) or 1.0
    figure = new_figure(max(0.95 * (columns - first), 4.6) + 0.2, 0.95 * rows + 0.65)
    more = f" (first {count} of {pictures.shape[-1]})" if count < pictures.shape[-1] else ""
    figure.suptitle(title + more, x=0.02, ha="left", fontsize=10, fontweight="bold")
    if signs:
        figure.supxlabel(f"{_SIGNS}; full colour is {limit:.3g}", fontsize=8, color=FAINT)
    # One axes with many pictures: as many axes would take seconds.
    axes = figure.subplots()
    if picture is not None:
        gray = picture if picture.shape[-1] == 3 else picture.mean(axis=-1)
        _place(axes, gray, 0, first, {"cmap": "gray", "vmin": 0, "vmax": 255})
    colors = {"cmap": _SIGNED, "vmin": -limit, "vmax": limit} if signs else {}
    for index in range(count):
        _place(axes, pictures[..., index], index // columns, index % columns, colors)
    axes.set_xlim(first, columns)
    axes.set_ylim(rows, 0)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return figure


def _place(axes: Axes, pixels: np.ndarray, row: int, column: float, colors: Mapping[str, Any]) -> None:
    """Puts a picture into the middle of the unit square at a row and column, with a thin frame."""
    height, width = (0.92 * side / max(pixels.shape[:2]) for side in pixels.shape[:2])
    left, top = column + (1 - width) / 2, row + (1 - height) / 2
    axes.imshow(pixels, extent=(left, left + width, top + height, top), **colors)
    axes.add_patch(Rectangle((left, top), width, height, fc="none", ec=GRID, lw=0.6))
