"""Painted videos without flicker: the previous frame's painting is kept where the picture only moved along.

A stylizer paints each frame alone, so noise and the grid of its strides make surfaces shimmer. Here the
previous painting follows the camera's motion and is blended into the new one wherever the photo under it
agrees: in the manner of Ruder et al. 2016 (arXiv:1604.08610), but with one shift for the whole picture
instead of an optical flow, and after painting instead of in the loss. Smoothing the statistics of instance
normalisation over time would be simpler, but changes flicker (benchmarks/video_flicker.py) by less than 1 %.
"""

import numpy as np
from scipy import fft, ndimage

from nst_keras.pictures.color import luma

# Photos that differ by this much, a root mean square over a small window on the 0..255 scale, count as
# different: well above a camera's noise, below most edges.
_TOLERANCE, _WINDOW = 12.0, 5


def find_shift(before: np.ndarray, after: np.ndarray) -> tuple[int, int]:
    """Finds by how many pixels a picture moved down and to the right, by phase correlation.

    Kuglin & Hines 1975. The window keeps the border, which isn't periodic, from deciding. Pictures [H, W, 3]
    that have nothing in common moved by 0, 0.
    """
    height, width = before.shape[:2]
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    grays = (luma(picture)[..., 0] for picture in (before, after))
    spectra = [fft.rfft2((gray - gray.mean()) * window) for gray in grays]
    cross = spectra[1] * np.conj(spectra[0])
    peaks = fft.irfft2(cross / (np.abs(cross) + 1e-6), s=(height, width))
    row, column = np.unravel_index(np.argmax(peaks), peaks.shape)
    # The second half of the positions stands for motion up and to the left.
    shift = (int(row) - height * (row > height // 2), int(column) - width * (column > width // 2))

    def disagreement(shift: tuple[int, int]) -> float:
        here, there = _overlap(shift, before.shape)
        return float(np.abs(after[here] - before[there]).mean())

    return min(shift, (0, 0), key=disagreement)


def keep_steady(
    painted: np.ndarray,
    content: np.ndarray,
    previous_painted: np.ndarray,
    previous_content: np.ndarray,
    steady: float,
) -> np.ndarray:
    """Blends what this returned for the frame before into a new painting where the photo only moved along.

    Pictures are float32 [H, W, 3] on 0..255; `steady` is the share, 0..1, of the previous painting where both
    photos agree.
    """
    shift = find_shift(previous_content, content)
    here, there = _overlap(shift, painted.shape)
    squares = ((content[here] - previous_content[there]) ** 2).mean(axis=-1)
    distance = ndimage.uniform_filter(squares, _WINDOW, mode="nearest") / _TOLERANCE**2
    share = np.float32(steady) * np.exp(-distance)[..., np.newaxis]
    result = painted.copy()
    result[here] += share * (previous_painted[there] - painted[here])
    return result


def _overlap(shift: tuple[int, int], shape: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where a moved picture lies within the frame, and which part of it was there before."""
    here = tuple(slice(max(0, step), side + min(0, step)) for step, side in zip(shift, shape, strict=False))
    there = tuple(slice(max(0, -step), side - max(0, step)) for step, side in zip(shift, shape, strict=False))
    return here, there
