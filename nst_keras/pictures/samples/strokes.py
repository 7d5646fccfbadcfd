"""Oil paint: thousands of curved strokes, large to small, along the flow of a windy evening.

The strokes follow Hertzmann, "Painterly Rendering with Curved Brush Strokes of Multiple Sizes"
(1998), with two differences: the flow comes from a stream function instead of a photo's gradients,
and each stroke is a bundle of bristles that leaves a height behind, which is lit in the end.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from nst_keras.pictures.samples import flow

WIDTH, HEIGHT = 900, 720
_SUPERSAMPLING = 2
_STEPS = 7

_SKY = (
    (10, 20, 66), (20, 44, 118), (30, 78, 160), (52, 122, 190),
    (104, 170, 200), (168, 208, 198), (240, 228, 168), (255, 208, 84), (255, 244, 190),
)  # fmt: skip
_FAR_HILLS = ((24, 26, 84), (44, 62, 138), (62, 108, 158), (110, 150, 178), (158, 160, 196))
_NEAR_HILLS = ((14, 40, 50), (24, 80, 66), (60, 122, 66), (128, 160, 72), (190, 190, 96))
_WHEAT = (
    (98, 52, 22), (164, 92, 24), (212, 142, 32), (238, 184, 56), (250, 220, 112), (255, 242, 180),
)  # fmt: skip
_CYPRESS = ((6, 20, 24), (12, 44, 38), (26, 72, 44), (66, 102, 46), (122, 126, 58))
_PALETTES = (_SKY, _FAR_HILLS, _NEAR_HILLS, _WHEAT, _CYPRESS)
_ACCENTS = ((120, 206, 190), (196, 120, 160), (236, 150, 84), (206, 58, 32), (36, 60, 120))
_SKY_REGION, _FAR_REGION, _NEAR_REGION, _WHEAT_REGION, _CYPRESS_REGION = range(5)

# Moon and stars: x, y, radius of the light, strength.
_LIGHTS = (
    (716, 128, 66, 1.0), (350, 92, 30, 0.9), (520, 196, 24, 0.8), (96, 70, 26, 0.85),
    (470, 48, 20, 0.75), (820, 286, 22, 0.75), (330, 262, 20, 0.7), (598, 70, 16, 0.65),
)  # fmt: skip
# Eddies of the wind: x, y, radius, turning sense and strength.
_EDDIES = ((400, 180, 105, 1.5), (572, 262, 76, -1.3), (250, 330, 80, 0.8), (70, 210, 70, -1.0))


class _Brush(NamedTuple):
    """One pass over the canvas: number of strokes, their size in pixels, bristles for each."""

    strokes: int
    width: float
    length: float
    bristles: int
    jitter: float


_BRUSHES = (
    _Brush(1100, 34, 130, 15, 0.06),
    _Brush(3000, 17, 92, 11, 0.08),
    _Brush(4200, 10, 60, 7, 0.12),
    _Brush(2600, 5, 34, 3, 0.18),
)


class _Scene(NamedTuple):
    """What to paint at each pixel: region number, tone 0..1 in its palette, stroke direction."""

    region: np.ndarray
    tone: np.ndarray
    angle: np.ndarray


def _regions(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the region of each pixel, and how far it lies below the far and near ridges."""
    far = y - (412 - 46 * np.sin(x / 120 + 0.6) - 22 * np.sin(x / 47) - 0.05 * x)
    near = y - (492 + 26 * np.sin(x / 150 + 2.4) + 9 * np.sin(x / 41))
    wheat = y - (548 + 12 * np.sin(x / 170 + 0.4))
    region = np.select([wheat > 0, near > 0, far > 0], [_WHEAT_REGION, _NEAR_REGION, _FAR_REGION])
    for left, top, spread in ((158, 120, 46), (226, 300, 30)):
        foot = 652 + 16 * np.sin(x / 4.3) * np.sin(x / 11)  # Ears of wheat stand before it.
        up = np.clip((foot - y) / (foot - top), 0, 1)
        half = spread * np.sqrt(np.clip(1 - up, 0, 1)) * (0.75 + 0.5 * np.sin(up * 3.0))
        half = half * (1 + 0.16 * np.sin(y / 13 + left)) * (up > 0)
        middle = left + 9 * np.sin(y / 52 + left)
        region = np.where(np.abs(x - middle) < half, _CYPRESS_REGION, region)
    return region, far, near


def _sky(x: np.ndarray, y: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the sky's stream function (in pixels) and its tones: bands along the stream."""
    stream = y + 26 * np.sin(x / 130) + 34 * noise
    for center_x, center_y, radius, turn in _EDDIES:
        distance = np.hypot(x - center_x, (y - center_y) * 1.15)
        stream = stream + turn * radius * np.exp(-((distance / radius) ** 2))
    tone = 0.16 + 0.30 * np.clip(y / 400, 0, 1) ** 1.5 + 0.15 * np.sin(stream / 7.5) + 0.14 * noise
    for center_x, center_y, radius, strength in _LIGHTS:
        distance = np.hypot(x - center_x, y - center_y)
        near = np.exp(-((distance / (1.9 * radius)) ** 2))
        stream = stream * (1 - near) + near * 3 * distance
        rings = 0.10 * np.cos(distance / radius * 6.5)
        glow = strength * np.exp(-((distance / (1.05 * radius)) ** 2)) * 1.15 + rings * near
        tone = np.maximum(tone, glow + (1 - near) * tone)
    return stream, tone


def _across_gradient(stream: np.ndarray) -> np.ndarray:
    """Returns the direction of the lines of equal value, radians."""
    down, right = np.gradient(stream)
    return np.arctan2(-right, down)


def _scene(rng: np.random.Generator) -> _Scene:
    x, y = flow.pixel_grid(HEIGHT, WIDTH)
    noise = flow.smooth_noise(rng, HEIGHT, WIDTH, 150, 2)
    fine = flow.smooth_noise(rng, HEIGHT, WIDTH, 44, 2)
    region, far, near = _regions(x, y)
    sky_stream, sky_tone = _sky(x, y, noise)
    # The furrows of the field meet far behind the hills.
    furrow = np.arctan2(x - 560, y - 360)
    ripening = np.clip((y - 540) / 180, 0, 1)
    tones = (
        sky_tone,
        0.62 - far / 170 + 0.16 * np.sin(far / 6 + 3 * noise) + 0.15 * fine,
        0.72 - near / 130 + 0.20 * np.sin(near / 5 + x / 60) + 0.22 * fine,
        0.72 - 0.22 * ripening + 0.20 * np.sin(furrow * 34 + 2 * noise) + 0.24 * fine,
        0.34 + 0.30 * np.sin(x / 7 + 4 * fine) + 0.10 * noise,
    )
    angles = (
        _across_gradient(sky_stream),
        _across_gradient(far + 26 * fine + 0.35 * x * np.sign(np.sin(x / 120))),
        _across_gradient(near + 18 * fine),
        -np.pi / 2 + 0.55 * np.sin(furrow * 5) + 0.55 * fine + 0.25 * noise,
        -np.pi / 2 + 0.75 * np.sin(y / 34 + x / 26) + 0.4 * fine,
    )
    return _Scene(region, np.choose(region, tones), np.choose(region, angles))


def _underpainting(scene: _Scene) -> Image.Image:
    """Fills the canvas thinly, a little darker than the strokes, for the gaps between them."""
    ramps = [flow.color_ramp(palette, scene.tone - 0.08) for palette in _PALETTES]
    color = np.choose(scene.region[..., None], ramps)
    return Image.fromarray(np.dstack([color, np.full_like(scene.tone, 90)]).astype(np.uint8))


def _stroke_colors(rng: np.random.Generator, scene: _Scene, brush: _Brush, seeds: np.ndarray) -> np.ndarray:
    """Returns the colours of every stroke's bristles, [strokes, bristles, 3]."""
    region = flow.look_up(scene.region, seeds)
    # A brush dips into two neighbouring tones; its bristles blend from one to the other.
    ends = flow.look_up(scene.tone, seeds)[:, None] + rng.normal(0, brush.jitter, (len(seeds), 2))
    blend = np.linspace(0, 1, brush.bristles)
    tone = ends[:, :1] * (1 - blend) + ends[:, 1:] * blend
    tone = tone + rng.normal(0, 0.035, tone.shape)
    colors = np.zeros((*tone.shape, 3), np.float32)
    for number, palette in enumerate(_PALETTES):
        colors[region == number] = flow.color_ramp(palette, tone[region == number])
    accent = np.asarray(_ACCENTS, np.float32)[region][:, None]
    share = rng.choice([0.0, 0.22, 0.55], len(seeds), p=[0.80, 0.14, 0.06])[:, None, None]
    return np.clip(colors * (1 - share) + accent * share + rng.normal(0, 4, colors.shape), 0, 255)


def _paint(draw: ImageDraw.ImageDraw, rng: np.random.Generator, scene: _Scene, brush: _Brush) -> None:
    """Lays one pass of strokes onto an RGBA canvas whose alpha is the height of the paint."""
    # Strokes begin outside the canvas too, so that its edges are covered.
    seeds = rng.uniform(-24, (WIDTH + 24, HEIGHT + 24), (brush.strokes, 2))
    length = brush.length * rng.uniform(0.6, 1.25, brush.strokes)
    lines = flow.streamlines(scene.angle, scene.region, seeds, _STEPS, length / _STEPS)
    tangent = np.gradient(lines, axis=1)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=-1, keepdims=True), 1e-3)
    normal = np.stack([-tangent[..., 1], tangent[..., 0]], axis=-1)

    across = np.linspace(-0.5, 0.5, brush.bristles)
    width = brush.width * rng.uniform(0.7, 1.2, (brush.strokes, 1, 1, 1))
    taper = np.sin(np.pi * np.linspace(0.12, 0.93, _STEPS + 1)) ** 0.5
    ragged = rng.normal(0, 0.22 * brush.width, (brush.strokes, brush.bristles, 1, 1))
    offset = across[:, None, None] * taper[:, None] * width
    bristles = lines[:, None] + normal[:, None] * offset + tangent[:, None] * ragged

    height = 150 + 60 * np.cos(np.pi * across) + rng.normal(0, 34, (brush.strokes, len(across)))
    paint = np.concatenate(
        [_stroke_colors(rng, scene, brush, seeds), np.clip(height, 0, 255)[..., None]], axis=-1
    )
    flat = (bristles * _SUPERSAMPLING).reshape(-1, 2 * (_STEPS + 1)).tolist()
    fills = paint.astype(int).reshape(-1, 4).tolist()
    thickness = max(2, round(1.45 * _SUPERSAMPLING * brush.width / brush.bristles))
    for points, fill in zip(flat, fills, strict=True):
        draw.line(points, tuple(fill), thickness)


def _light(color: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Lights the ridges of the paint from the upper left."""
    relief = ndimage.gaussian_filter(height, 0.6)
    slope = ndimage.sobel(relief, 0) + ndimage.sobel(relief, 1)
    shade = np.clip(-slope / 520, -0.5, 0.5)[..., None]
    return color * (1 + 0.55 * shade) + 46 * np.clip(shade - 0.14, 0, None)


def draw() -> np.ndarray:
    """Paints the picture.

    Returns:
        A float32 array [720, 900, 3], sRGB, 0..255; the same one every time.
    """
    rng = np.random.default_rng(1889)
    scene = _scene(rng)
    size = (WIDTH * _SUPERSAMPLING, HEIGHT * _SUPERSAMPLING)
    canvas = _underpainting(scene).resize(size)
    pen = ImageDraw.Draw(canvas)
    for brush in _BRUSHES:
        _paint(pen, rng, scene, brush)
    # RGB and height are reduced apart: together, alpha would weigh the colours.
    red, green, blue, height = (
        np.asarray(band.reduce(_SUPERSAMPLING), np.float32) for band in canvas.split()
    )
    picture = _light(np.stack([red, green, blue], axis=-1), height)
    return np.clip(picture, 0, 255).astype(np.float32)
