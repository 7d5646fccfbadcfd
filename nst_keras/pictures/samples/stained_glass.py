"""A rose window: pieces of jewel-coloured glass in lead, lit from behind.

Openings (roundels, lancets, a border) are signed distances; inside them a Voronoi diagram whose
sites are mirrored twenty-four times cuts the glass into pieces. Each piece has its own colour,
thickness and brush-painted contour.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage, spatial

from nst_keras.pictures.samples import flow

SIZE = 768
_CENTER = (SIZE - 1) / 2
_SECTORS = 12

_SAPPHIRE = ((8, 22, 110), (16, 52, 176), (34, 96, 214), (92, 160, 236))
_RUBY = ((96, 6, 26), (168, 14, 34), (214, 34, 40), (250, 104, 52))
_AMBER = ((200, 112, 16), (242, 164, 28), (252, 206, 84), (255, 236, 170))
_EMERALD = ((4, 74, 58), (16, 120, 78), (60, 168, 96), (160, 214, 130))
_AMETHYST = ((52, 18, 92), (98, 40, 146), (150, 84, 188), (206, 160, 220))
_TURQUOISE = ((4, 78, 104), (12, 128, 150), (70, 184, 190), (170, 226, 214))
_PALETTES = (_SAPPHIRE, _RUBY, _AMBER, _EMERALD, _AMETHYST, _TURQUOISE)
_BLUE, _RED, _GOLD, _GREEN, _VIOLET, _TEAL = range(6)


class _Opening(NamedTuple):
    """A part of the tracery: signed distance (negative inside), palette in even and odd sectors."""

    distance: np.ndarray
    even: int
    odd: int


class _Pieces(NamedTuple):
    """The cut glass, [H, W] each: piece number, palette, pixels to the lead's middle, lead width."""

    number: np.ndarray
    palette: np.ndarray
    distance: np.ndarray
    lead: np.ndarray


def _openings(x: np.ndarray, y: np.ndarray) -> tuple[list[_Opening], np.ndarray]:
    """Returns the openings, later ones in front, and the sector of each pixel."""
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    turn = angle * _SECTORS / (2 * np.pi)
    sector = np.rint(turn).astype(int) % _SECTORS
    aside = (turn - np.rint(turn)) * 2 * np.pi / _SECTORS
    along, across = radius * np.cos(aside), np.abs(radius * np.sin(aside))
    between = np.abs(aside) - np.pi / _SECTORS  # Measured from the middle between two sectors.
    gap_along, gap_across = radius * np.cos(between), np.abs(radius * np.sin(between))

    def disc(distance_along: float, size: float, gap: bool = False) -> np.ndarray:
        sideways, outward = (gap_across, gap_along) if gap else (across, along)
        return np.hypot(outward - distance_along, sideways) - size

    # A lancet is where two large discs overlap, cut off by the hub.
    lancet = np.maximum(np.hypot(along - 168, across + 92) - 138, 90 - radius)
    corner = np.hypot(np.abs(x) - 314, np.abs(y) - 314)
    openings = [
        _Opening(radius - 366, _BLUE, _BLUE),
        _Opening(radius - 322, _TEAL, _VIOLET),
        _Opening(lancet, _RED, _BLUE),
        _Opening(disc(184, 27), _GOLD, _GOLD),
        _Opening(disc(184, 15), _BLUE, _RED),
        _Opening(disc(278, 40, gap=True), _GREEN, _GREEN),
        _Opening(disc(278, 25, gap=True), _RED, _RED),
        _Opening(disc(278, 11, gap=True), _GOLD, _GOLD),
        _Opening(disc(344, 17), _RED, _GREEN),
        _Opening(disc(344, 17, gap=True), _GOLD, _GOLD),
        _Opening(radius - 86, _BLUE, _VIOLET),
        _Opening(disc(62, 15), _GOLD, _GOLD),
        _Opening(radius - 40, _RED, _RED),
        _Opening(radius - 19, _GOLD, _GOLD),
        _Opening(corner - 52, _RED, _GOLD),
        _Opening(corner - 36, _BLUE, _BLUE),
        _Opening(corner - 14, _GOLD, _GOLD),
    ]
    return openings, sector


def _sites(rng: np.random.Generator) -> np.ndarray:
    """Returns the Voronoi sites: a wedge mirrored and turned about the centre, scattered corners."""
    rings = ((30, 1), (62, 1), (80, 1), (108, 1), (134, 2), (166, 2), (206, 2), (234, 2))
    outer = ((258, 3), (282, 3), (304, 3), (334, 3), (354, 3))
    sites = [0j]
    for ring, count in rings + outer:
        for place in (np.arange(count) + rng.uniform(0.25, 0.75, count)) / count:
            spread = place * np.pi / _SECTORS
            for turn in np.arange(_SECTORS) * 2 * np.pi / _SECTORS:
                sites += [ring * np.exp(1j * (turn + side * spread)) for side in (-1, 1)]
    wedge = np.array(sites)
    wedge = np.stack([wedge.real, wedge.imag], axis=-1) + rng.normal(0, 1.2, (len(sites), 2))
    grid = np.mgrid[-384:385:32, -384:385:32].reshape(2, -1).T + rng.uniform(-12, 12, (625, 2))
    return np.concatenate([wedge, grid[np.hypot(*grid.T) > 378]])


def _cut(rng: np.random.Generator) -> _Pieces:
    x, y = flow.pixel_grid(SIZE, SIZE)
    # No glazier cuts a perfect circle.
    x = x - _CENTER + 1.6 * flow.smooth_noise(rng, SIZE, SIZE, 40)
    y = y - _CENTER + 1.6 * flow.smooth_noise(rng, SIZE, SIZE, 40)
    openings, sector = _openings(x, y)
    opening = np.zeros((SIZE, SIZE), int)
    palette: np.ndarray = np.zeros((SIZE, SIZE), int)
    tracery = np.full((SIZE, SIZE), 1e3, np.float32)
    for number, (distance, even, odd) in enumerate(openings, start=1):
        inside = distance < 0
        tracery = np.where(inside, -distance, np.minimum(tracery, distance))
        opening[inside] = number
        palette[inside] = np.where(sector % 2, odd, even)[inside]

    sites = _sites(rng)
    near, site = spatial.KDTree(sites).query(np.stack([x, y], axis=-1).astype(float), k=2)
    apart = np.linalg.norm(sites[site[..., 0]] - sites[site[..., 1]], axis=-1)
    seam = (near[..., 1] ** 2 - near[..., 0] ** 2) / (2 * apart)
    _, inverse = np.unique(opening * len(sites) + site[..., 0], return_inverse=True)
    piece = np.reshape(inverse, (SIZE, SIZE))
    outside = rng.choice([_BLUE, _VIOLET, _TEAL, _GREEN], piece.max() + 1, p=[0.4, 0.25, 0.2, 0.15])
    palette = np.where(opening == 0, outside[piece], palette)
    lead = np.where(tracery < seam, 2.7, 1.5) + 0.5 * flow.smooth_noise(rng, SIZE, SIZE, 24)
    return _Pieces(piece, palette, np.minimum(tracery, seam), lead)


def _glass(rng: np.random.Generator, pieces: _Pieces) -> np.ndarray:
    """Returns the colour of the glass, float [H, W, 3], as light from behind shows it."""
    count = pieces.number.max() + 1
    x, y = flow.pixel_grid(SIZE, SIZE)
    sun = np.exp(-(np.hypot(x - 0.46 * SIZE, y - 0.42 * SIZE) ** 2) / 300**2)
    direction = rng.uniform(0, 2 * np.pi, count)[pieces.number]
    streaks = np.sin((x * np.cos(direction) + y * np.sin(direction)) / 5)
    clouds = flow.smooth_noise(rng, SIZE, SIZE, 22, 3)
    tone = rng.uniform(0.10, 0.78, count)[pieces.number] + (0.30 + 0.08 * streaks) * clouds
    tone = tone + 0.30 * np.tanh(pieces.distance / 9) - 0.14 + 0.16 * sun
    ramps = [flow.color_ramp(palette, tone) for palette in _PALETTES]
    color = np.choose(pieces.palette[..., None], ramps) / 255

    # Thicker glass is deeper in colour (Beer and Lambert): a power of the transmitted light.
    thickness = 1.65 - 0.95 * sun - 0.35 * np.tanh(pieces.distance / 7) + 0.22 * clouds
    color = np.clip(color, 0.004, 1) ** thickness[..., None]
    hammered = flow.smooth_noise(rng, SIZE, SIZE, 5, 2)
    relief = np.gradient(hammered, axis=0) + np.gradient(hammered, axis=1)
    return 255 * color * (1 + 0.26 * np.clip(relief, -1, 1))[..., None]


def _contours(rng: np.random.Generator, pieces: _Pieces) -> np.ndarray:
    """Returns how much light the painted lines let through, [H, W, 1] in 0..1."""
    count = pieces.number.max() + 1
    kind = rng.integers(0, 4, count)[pieces.number]
    x, y = flow.pixel_grid(SIZE, SIZE)
    wobble = flow.smooth_noise(rng, SIZE, SIZE, 16)
    depth = pieces.distance + 0.8 * wobble
    rim = np.abs(depth - 6.5) - 0.55
    hatching = np.maximum(np.abs((x + y + 3 * wobble) % 7 - 3.5) - 0.7, depth - 8)
    rings = np.maximum(np.abs(depth % 5 - 2.5) - 0.5, 5 - depth)
    line = np.choose(kind, [np.full_like(rim, 9), rim, hatching, rings])
    return 1 - 0.72 * np.clip(0.5 - line, 0, 1)[..., None]


def _lead(pieces: _Pieces) -> tuple[np.ndarray, np.ndarray]:
    """Returns the lead's cover, [H, W, 1] in 0..1, and its colour, lit from the upper left."""
    cover = np.clip(pieces.lead - pieces.distance + 0.5, 0, 1)
    # Blurring and sharpening fills the joints with solder.
    solder = np.clip((ndimage.gaussian_filter(cover, 2.2) - 0.5) * 4 + 0.5, 0, 1)
    cover = np.maximum(cover, solder)
    bulge = ndimage.gaussian_filter(cover * 6 - np.minimum(pieces.distance, 6), 1.0)
    light = -(ndimage.sobel(bulge, 0) + ndimage.sobel(bulge, 1))
    gray = 15 + 2.6 * np.clip(light, -4, 22)
    return cover[..., None], gray[..., None] * np.array([0.94, 0.96, 1.06])


def draw() -> np.ndarray:
    """Draws the window.

    Returns:
        A float32 array [768, 768, 3], sRGB, 0..255; the same one every time.
    """
    rng = np.random.default_rng(1225)
    pieces = _cut(rng)
    glass = _glass(rng, pieces) * _contours(rng, pieces)
    cover, lead = _lead(pieces)
    picture = glass * (1 - cover) + lead * cover
    # Bright glass outshines the lead beside it.
    halo = 0.22 * ndimage.gaussian_filter(np.clip(glass - 70, 0, None) * (1 - cover), (9, 9, 0))
    picture = 255 - (255 - np.clip(picture, 0, 255)) * (1 - np.clip(halo, 0, 255) / 255)
    return np.clip(picture, 0, 255).astype(np.float32)
