"""A woodblock print: mountains, mist and sea in ink, indigo and vermilion on warm paper.

Everything is made of lines of equal value: a phase (in pixels) says where the lines run, a tone how
thick they are, as in an engraving. Layer covers layer, from the sky to the nearest wave.
"""

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from nst_keras.pictures.samples import flow, pine

SIZE = 768
_PAPER = (244, 229, 198)
_INK = (34, 30, 36)
_INDIGO = (28, 56, 118)
_SLATE = (72, 96, 122)
_TEAL = (52, 116, 128)
_VERMILION = (214, 58, 32)
_OCHRE = (214, 150, 70)


class _Sheet:
    """The paper as printed so far: `color`, float [H, W, 3] in 0..1, on `paper` (the same)."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.x, self.y = flow.pixel_grid(SIZE, SIZE)
        fibers = self.noise((3, 46)) + 0.6 * self.noise((40, 3)) + self.noise(90, 2)
        self.paper = np.array(_PAPER) / 255 * (1 + 0.022 * fibers[..., None])
        self.color = self.paper.copy()
        # The grain of the block shows in every flat colour.
        self.grain = 0.86 + 0.16 * self.noise((2.5, 120), 2) + 0.10 * self.noise(7, 2)

    def noise(self, scale: float | tuple[float, float], octaves: int = 1) -> np.ndarray:
        return flow.smooth_noise(self.rng, SIZE, SIZE, scale, octaves)

    def cover(self, mask: np.ndarray) -> None:
        """Hides what is below the mask (0..1) behind clean paper."""
        self.color += mask[..., None] * (self.paper - self.color)

    def print(self, ink: flow.Rgb, amount: np.ndarray) -> None:
        """Prints a transparent ink, amount 0..1 at each pixel."""
        self.color *= 1 - np.clip(amount, 0, 1)[..., None] * (1 - np.array(ink) / 255)

    def wash(self, ink: flow.Rgb, amount: np.ndarray) -> None:
        """Prints a flat colour with the grain of the wood."""
        self.print(ink, amount * self.grain)


def _lines(phase: np.ndarray, pitch: float, tone: np.ndarray) -> np.ndarray:
    """Returns ink 0..1: a line where `phase` is a multiple of `pitch`, `tone` 0..1 of it wide."""
    steepness = np.maximum(np.hypot(*np.gradient(phase)), 0.05)
    away = np.abs((phase / pitch + 0.5) % 1 - 0.5) * pitch / steepness
    # Where the phase is almost flat, a full share would be a blot.
    half_width = 0.5 * np.clip(tone, 0, 0.92) * pitch / np.maximum(steepness, 0.55)
    return np.clip(half_width - away + 0.5, 0, 1) * np.clip(half_width * 2.5, 0, 1)


def _below(depth: np.ndarray) -> np.ndarray:
    """Returns a mask, smooth by one pixel, of where `depth` (in pixels, downwards) is positive."""
    return np.clip(depth / np.hypot(1, np.gradient(depth, axis=1)) + 0.5, 0, 1)


def _contour(sheet: _Sheet, depth: np.ndarray, width: float) -> np.ndarray:
    """Returns ink 0..1 of a brush line where `depth` is zero, swelling and running dry."""
    away = np.abs(depth) / np.hypot(1, np.gradient(depth, axis=1))
    swell = width * (0.62 + 0.55 * sheet.noise(46, 2))
    return np.clip(swell - away + 0.5, 0, 1)


def _sky(sheet: _Sheet) -> None:
    x, y = sheet.x, sheet.y
    swirl = y + 34 * sheet.noise((90, 170), 2) + 10 * np.sin(x / 90)
    for center_x, center_y, radius, turn in (
        (250, 120, 90, 1.2),
        (455, 235, 80, -1.3),
        (690, 330, 70, 1),
    ):
        distance = np.hypot((x - center_x) * 0.75, y - center_y)
        swirl += turn * radius * np.exp(-((distance / radius) ** 2))
    sun = np.hypot(x - 560, y - 186) - 96 + 1.2 * sheet.noise(60, 3)
    disc = np.clip(0.5 - sun, 0, 1)
    sheet.wash(_INDIGO, 0.95 * np.clip(1 - swirl / 170, 0, 1) ** 1.3)
    sheet.wash(_OCHRE, 0.55 * np.exp(-(((y - 330) / 110) ** 2)) * (1 - disc))
    sheet.cover(disc)
    sheet.wash(_VERMILION, disc * np.clip(1.15 - (y - 150) / 330, 0, 1))
    clouds = np.clip(0.22 + 0.5 * np.sin(swirl / 27) + 0.3 * sheet.noise(110, 2), 0.05, 0.6)
    sheet.print(_INDIGO, 0.85 * _lines(swirl, 7.5, clouds * (1 - 0.8 * disc)))
    sheet.print(_VERMILION, 0.9 * _lines(swirl, 6, 0.38 * disc))


def _mountain(sheet: _Sheet, ridge: np.ndarray, ink: flow.Rgb, density: float, pitch: float) -> None:
    """Prints a range: `ridge` is its height (row) at each column, [W]."""
    depth = sheet.y - ridge[None]
    body = _below(depth)
    mist = np.clip(1.05 - depth / 165 + 0.25 * sheet.noise(80, 2), 0, 1)
    sheet.cover(body * np.clip(mist * 3 + 0.35, 0, 1))
    slope = np.tanh(np.gradient(ndimage.gaussian_filter1d(ridge, 11)))[None]
    folds = sheet.noise((130, 64), 2)
    shade = np.clip(0.46 + 0.40 * slope + 0.55 * folds, 0.04, 1)
    sheet.wash(ink, density * body * mist * (0.35 + 0.65 * shade))
    # Strokes run down the slopes and fan out from the ridge.
    fall = sheet.x - 0.55 * slope * depth + 28 * folds
    sheet.print(_INK, 0.92 * body * _lines(fall, pitch, 0.85 * shade * mist**0.6))
    dark = np.clip(shade - 0.55, 0, 1) * mist
    sheet.print(_INK, 0.8 * body * _lines(sheet.y + 0.5 * sheet.x + 20 * folds, pitch * 0.8, dark))
    sheet.print(_INK, _contour(sheet, depth, 2.2))


def _mountains(sheet: _Sheet) -> None:
    x = sheet.x[0]
    rough = sheet.noise(26, 4)

    def peaks(row: int, *tops: tuple[float, float, float]) -> np.ndarray:
        """Concave cones (place, height, width) and a rough rock edge."""
        cones = [height * np.exp(-np.abs(x - place) / width) for place, height, width in tops]
        return np.max(cones, axis=0) + 13 * rough[row]

    far = peaks(100, (330, 190, 120), (96, 120, 80), (700, 130, 90))
    middle = peaks(300, (590, 140, 90), (150, 150, 100), (400, 70, 50), (760, 110, 60))
    near = peaks(500, (60, 120, 110), (726, 128, 100), (470, 46, 60), (270, 40, 50))
    _mountain(sheet, 440 - far, _SLATE, 0.62, 5.0)
    _mountain(sheet, 498 - middle, _TEAL, 0.72, 5.5)
    _mountain(sheet, 548 - near, _INDIGO, 0.80, 6.5)


def _sea(sheet: _Sheet) -> None:
    """Prints rows of pointed waves; their lines follow the crests, their tips are bare paper."""
    for row in range(11):
        near = row / 10
        length, height = 62 + 150 * near, 9 + 46 * near
        place = sheet.x / length + 0.37 * row + 0.35 * sheet.noise(150)[300][None] + 0.15 * near
        tooth = np.abs(place % 1 - 0.5) * 2
        crest = 556 + 14 * row + 10 * row * near - height * tooth**2.6 + 5 * sheet.noise(18, 2)[300][None]
        lean = sheet.y - crest
        body = _below(lean)
        sheet.cover(body)
        hollow = np.clip(lean / (10 + 22 * near), 0, 1) * np.clip(1.35 - lean / (40 + 60 * near), 0.25, 1)
        sheet.wash(_INDIGO if row % 3 else _TEAL, 0.85 * body * hollow)
        wave = lean * (1 + 0.25 * tooth) + 3 * sheet.noise(30)
        pitch = 4.2 + 3.6 * near
        sheet.print(_INK, 0.9 * body * _lines(wave, pitch, 0.20 + 0.38 * hollow))
        sheet.print(_INK, _contour(sheet, lean, 1.3 + 1.0 * near))


def _splashes(sheet: _Sheet) -> None:
    """Spatters foam over the sea and ink over the sheet; many small drops, few large ones."""
    rng = sheet.rng
    for ink, count, top, bottom, size in ((_PAPER, 520, 560, 760, 1.3), (_INK, 150, 20, 760, 1.0)):
        stencil = Image.new("L", (2 * SIZE, 2 * SIZE))
        pen = ImageDraw.Draw(stencil)
        centers = rng.uniform((0, top), (SIZE, bottom), (count // 12, 2))
        drops = centers[rng.integers(0, len(centers), count)] + rng.normal(0, 26, (count, 2))
        for (x, y), radius in zip(2 * drops, rng.lognormal(0.5, 0.55, count) * size, strict=True):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        mask = np.asarray(stencil.reduce(2), np.float32) / 255
        if ink == _PAPER:
            sheet.cover(mask)
        else:
            sheet.print(ink, 0.9 * mask)


def _pine(sheet: _Sheet) -> None:
    sheet.print(_INK, pine.draw_stencil(sheet.rng, SIZE) * (0.92 + 0.1 * sheet.noise(4)))


def _seal(sheet: _Sheet) -> None:
    """Stamps a vermilion seal with a few carved strokes."""
    across, down = sheet.x - 704 + sheet.noise(9), sheet.y - 52 + sheet.noise(9)
    square = np.clip(21.5 - np.maximum(np.abs(across), np.abs(down) * 0.8), 0, 1)
    carved = np.maximum(
        _lines(down, 10, np.full_like(down, 0.24)), _lines(across, 14, np.full_like(down, 0.16))
    )
    carved *= np.maximum(np.abs(across), np.abs(down) * 0.8) < 17
    sheet.cover(square)
    sheet.wash(_VERMILION, 1.1 * square * (1 - carved))


def draw() -> np.ndarray:
    """Prints the picture.

    Returns:
        A float32 array [768, 768, 3], sRGB, 0..255; the same one every time.
    """
    sheet = _Sheet(np.random.default_rng(1831))
    _sky(sheet)
    _mountains(sheet)
    _sea(sheet)
    _splashes(sheet)
    _pine(sheet)
    _seal(sheet)
    return np.clip(sheet.color * 255, 0, 255).astype(np.float32)
