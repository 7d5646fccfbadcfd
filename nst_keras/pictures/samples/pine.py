"""A crooked pine branch for the ink print, grown twig by twig."""

import math

import numpy as np
from PIL import Image, ImageDraw

_SUPERSAMPLING = 3
_STEP = 9


def draw_stencil(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draws two branches that reach in from the left edge.

    Args:
        rng: The source of randomness.
        size: Side of the square stencil in pixels.

    Returns:
        A float32 array [size, size], 1 where there is ink, 0 elsewhere.
    """
    side = size * _SUPERSAMPLING
    stencil = Image.new("L", (side, side))
    pen = ImageDraw.Draw(stencil)
    _branch(pen, rng, -10, 236, -0.5, 300)
    _branch(pen, rng, -10, 150, -0.1, 150)
    return np.asarray(stencil.reduce(_SUPERSAMPLING), np.float32) / 255


def _branch(
    pen: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    x: float,
    y: float,
    heading: float,
    length: float,
) -> None:
    """Draws a crooked pine branch with its twigs and fans of needles, in stencil pixels."""
    steps = max(3, int(length / _STEP))
    for step in range(steps):
        heading += rng.normal(0, 0.20) - 0.05 * math.sin(heading + 0.25)
        ahead_x, ahead_y = x + _STEP * math.cos(heading), y + _STEP * math.sin(heading)
        thickness = max(1.2, length / 19 * (1 - 0.75 * step / steps))
        _stroke(pen, x, y, ahead_x, ahead_y, thickness)
        x, y = ahead_x, ahead_y
        if length > 60 and step > 2 and step % 3 == 0:
            side = rng.choice((-1, 1)) * rng.uniform(0.5, 1.0)
            _branch(pen, rng, x, y, heading + side, length * rng.uniform(0.3, 0.52))
    if length < 75:
        for needle in np.linspace(-2.9, -0.25, 17) + rng.normal(0, 0.06, 17):
            reach = rng.uniform(15, 22)
            _stroke(pen, x, y, x + reach * math.cos(needle), y + 0.8 * reach * math.sin(needle), 1.1)


def _stroke(pen: ImageDraw.ImageDraw, x: float, y: float, to_x: float, to_y: float, width: float) -> None:
    scale = _SUPERSAMPLING
    pen.line((x * scale, y * scale, to_x * scale, to_y * scale), 255, max(1, round(width * scale)))
    radius = width * scale / 2
    pen.ellipse(
        (
            to_x * scale - radius,
            to_y * scale - radius,
            to_x * scale + radius,
            to_y * scale + radius,
        ),
        255,
    )
