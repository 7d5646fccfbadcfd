"""What one-pass networks do wrong though their pictures' statistics are good, seen in pixels alone.

They leave the subject a photo in other colours, stamp one motif, and print the grid of their upsampling.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nst_keras.pictures.color import LUMA

_LATTICES = (4, 8)  # pixels; what networks enlarge by
_REGION = 32  # pixels; about a large stroke
_DETAIL = 1.5  # pixels; what is coarser is the photo's content, which shall stay
_KEPT = 0.7  # correlation with the photo's detail from which on it is the photo's
_LEAST_DETAIL = 4.0  # variance of a region that has any, on 0..255


@dataclass(frozen=True)
class Artefacts:
    """How far a picture isn't painted, as one sees it.

    Attributes:
        unpainted: Share of its regions that keep the photo's texture; see `unpainted_share`.
        repetition: How much more it repeats itself than the photo does; see `repetition`.
        lattice: How far a grid stands out of it, of 4 or of 8 pixels; see `lattice_ratio`.
    """

    unpainted: float
    repetition: float
    lattice: float


@dataclass(frozen=True)
class SeenPhoto:
    """What a photo's pictures are compared with, found once for all of them.

    Attributes:
        detail: Fine detail of brightness, [h, w].
        variance: Of that, by region.
        repetition: See `repetition`.
    """

    detail: np.ndarray
    variance: np.ndarray
    repetition: float

    @classmethod
    def of(cls, photo: np.ndarray) -> "SeenPhoto":
        """Looks at a photo, [h, w, 3] on 0..255."""
        detail = _detail(photo)
        return cls(detail, _by_region(detail * detail), repetition(photo))


def find_artefacts(picture: np.ndarray, photo: SeenPhoto) -> Artefacts:
    """Looks at a picture, [h, w, 3] on 0..255, of 64 pixels at least and of its photo's size."""
    return Artefacts(
        unpainted_share(picture, photo),
        repetition(picture) - photo.repetition,
        max(lattice_ratio(picture, period) for period in _LATTICES),
    )


def unpainted_share(picture: np.ndarray, photo: SeenPhoto) -> float:
    """Share of a picture's regions, of a large stroke's size, that keep the photo's texture.

    There the fine detail of brightness correlates by more than 0.7 with the photo's; other colours don't
    count as painting. 1 for the photo itself. Regions where the photo is smooth are left out.
    """
    detail = _detail(picture)
    both, own = _by_region(detail * photo.detail), _by_region(detail * detail)
    seen = photo.variance > _LEAST_DETAIL
    kept = np.abs(both) > _KEPT * np.sqrt(own * photo.variance)
    return float(kept[seen].mean()) if seen.any() else 0.0


def repetition(picture: np.ndarray, *, beyond: int = 24) -> float:
    """How much a picture repeats itself: highest autocorrelation at shifts of more than `beyond` pixels.

    Of the slopes of brightness, whose means over larger surroundings are taken away; shifts go up to half of
    a side. 1 is a pattern that comes again exactly; photos have about 0.1.
    """
    light = ndimage.gaussian_filter(picture @ LUMA, 1.0)
    slopes = np.stack([ndimage.sobel(light, axis) for axis in (0, 1)])
    slopes -= ndimage.uniform_filter(slopes, (0, 2 * beyond + 1, 2 * beyond + 1))
    double = tuple(2 * side for side in light.shape)  # so that nothing comes round
    power = np.fft.irfft2((np.abs(np.fft.rfft2(slopes, double)) ** 2).sum(0), double)
    counts = np.fft.irfft2(np.abs(np.fft.rfft2(np.ones(light.shape), double)) ** 2, double)
    rows, columns = (np.fft.fftfreq(side, 1 / side) for side in double)
    near = np.hypot(rows[:, np.newaxis], columns) <= beyond
    inside = (np.abs(rows)[:, np.newaxis] <= light.shape[0] // 2) & (np.abs(columns) <= light.shape[1] // 2)
    correlation = power / np.maximum(counts, 1.0)
    return float(correlation[inside & ~near].max(initial=0.0) / max(correlation[0, 0], 1e-9))


def lattice_ratio(picture: np.ndarray, period: int) -> float:
    """How far a grid of that period, in pixels, stands out of a picture [h, w, 3]: 1 is not at all.

    Power of brightness at the grid's lowest frequencies against the mean of that around them.
    """
    height, width = (side - side % period for side in picture.shape[:2])
    bright = picture[:height, :width] @ LUMA
    window = np.outer(np.hanning(height + 1)[:-1], np.hanning(width + 1)[:-1])
    power = np.abs(np.fft.fft2((bright - bright.mean()) * window)) ** 2
    ratios = []
    for row, column in ((1, 0), (0, 1), (1, 1), (1, -1)):
        centre = np.roll(power, (5 - row * height // period, 5 - column * width // period), (0, 1))[:11, :11]
        around = centre.copy()
        around[4:7, 4:7] = np.nan  # where the window spreads the frequency itself
        ratios.append(centre[5, 5] / np.nanmean(around))
    return float(np.mean(ratios))


def unrest(painted: np.ndarray, *, border: int = 8) -> tuple[float, float]:
    """What a network makes of a flat picture, or of one whose brightness changes evenly.

    Of a picture [h, w, 3], on 0..255: how far brightness inside deviates from a plane, and the largest mean
    of that over a side's `border` pixels. Both are 0 for the flat or even picture itself.
    """
    light = painted @ LUMA
    rows, columns = (positions - positions.mean() for positions in np.indices(light.shape))
    within = np.s_[border:-border, border:-border]
    terms = np.stack([np.ones_like(rows), rows, columns], -1)
    plane, *_ = np.linalg.lstsq(terms[within].reshape(-1, 3), light[within].ravel())
    light = light - terms @ plane
    inside = light[within]
    sides = (light[:border], light[-border:], light[:, :border], light[:, -border:])
    return float(inside.std()), float(max(abs(side.mean() - inside.mean()) for side in sides))


def _detail(image: np.ndarray) -> np.ndarray:
    light = image @ LUMA
    return light - ndimage.gaussian_filter(light, _DETAIL)


def _by_region(values: np.ndarray) -> np.ndarray:
    """Means over regions, each by half a side from the next."""
    half = _REGION // 2
    return ndimage.uniform_filter(values, _REGION)[half::half, half::half]
