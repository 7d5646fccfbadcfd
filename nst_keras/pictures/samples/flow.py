"""Smooth noise, colour ramps and streamlines: what the drawn styles have in common."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

Rgb = tuple[int, int, int]


def pixel_grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the coordinates (x, y) of every pixel, two float32 arrays [height, width]."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return x, y


def smooth_noise(
    rng: np.random.Generator,
    height: int,
    width: int,
    scale: float | tuple[float, float],
    octaves: int = 1,
) -> np.ndarray:
    """Draws value noise: random grids, enlarged bicubically; octaves halve in size and in height.

    Args:
        rng: The source of randomness; one grid is drawn from it for each octave.
        height: Rows of the result.
        width: Columns of the result.
        scale: Pixels from one grid point to the next in the first octave, or a pair (down, across).
        octaves: How many grids are added up.

    Returns:
        A float32 array [height, width] around zero, nearly all of it in -1..1.
    """
    down, across = scale if isinstance(scale, tuple) else (scale, scale)
    noise = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        rows, columns = height * 2**octave / down, width * 2**octave / across
        # The grid reaches two points beyond each edge, where the bicubic kernel looks.
        shape = (int(np.ceil(rows)) + 4, int(np.ceil(columns)) + 4)
        grid = Image.fromarray(rng.uniform(-1.5, 1.5, shape).astype(np.float32))
        box = (2.0, 2.0, 2.0 + columns, 2.0 + rows)
        enlarged = grid.resize((width, height), Image.Resampling.BICUBIC, box)
        noise += np.asarray(enlarged) * 0.5**octave
    return noise / np.float32(2 - 0.5 ** (octaves - 1))


def color_ramp(colors: Sequence[Rgb], position: np.ndarray) -> np.ndarray:
    """Blends along a row of colours, evenly spaced over positions 0..1 (clipped to that range).

    Args:
        colors: The colours, RGB 0..255.
        position: An array of any shape.

    Returns:
        A float32 array of `position`'s shape and a last axis of 3, RGB 0..255.
    """
    stops = np.linspace(0, 1, len(colors))
    channels = [np.interp(position, stops, channel) for channel in zip(*colors, strict=True)]
    return np.stack(channels, axis=-1).astype(np.float32)


def look_up(field: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Reads a field [H, W, ...] at the pixels nearest to points [..., 2] (x, y), edges repeated."""
    columns = np.clip(np.rint(points[..., 0]).astype(int), 0, field.shape[1] - 1)
    rows = np.clip(np.rint(points[..., 1]).astype(int), 0, field.shape[0] - 1)
    return field[rows, columns]


def streamlines(
    angle: np.ndarray, region: np.ndarray, seeds: np.ndarray, steps: int, step: np.ndarray
) -> np.ndarray:
    """Follows a field of directions from every seed; a line waits where it would leave its region.

    Args:
        angle: Directions in radians, float [H, W].
        region: A number for each pixel, integer [H, W].
        seeds: Where the lines begin, float [n, 2] (x, y).
        steps: How many steps each line takes.
        step: The length of one step of each line in pixels, float [n].

    Returns:
        The lines, float [n, steps + 1, 2] (x, y).
    """
    home = look_up(region, seeds)
    lines = [seeds]
    moving = np.ones(len(seeds), bool)
    for _ in range(steps):
        direction = look_up(angle, lines[-1])
        ahead = lines[-1] + step[:, None] * np.stack([np.cos(direction), np.sin(direction)], -1)
        moving &= look_up(region, ahead) == home
        lines.append(np.where(moving[:, None], ahead, lines[-1]))
    return np.stack(lines, axis=1)
