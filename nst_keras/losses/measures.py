"""Measures that nobody optimises: how much of the photo a picture keeps, and of the painting's manner.

The two are never one number: the unchanged photo is best by the one, a pasted painting by the other.
"""

import numpy as np
from scipy import ndimage

from nst_keras.pictures.color import LUMA

_EDGES = 0.1  # share of the pixels that count as edges
_NUM_QUANTILES = 256
_LONGEST_WAVE = 64  # pixels: what is larger is a thing or a shade, no stroke


def edge_f_score(picture: np.ndarray, photo: np.ndarray, *, within: int = 2) -> float:
    """How well edges lie where the photo's do, from 0 to 1: harmonic mean of precision and recall.

    Edges are the tenth of the pixels where brightness changes most (Sobel); one is found if the other picture
    has one at most `within` pixels away. Both are [height, width, 3] on 0..255 and of one size.
    """
    ours, theirs = (_edges(image) for image in (picture, photo))
    near = np.ones((2 * within + 1,) * 2, bool)
    precision, recall = (
        (one & ndimage.binary_dilation(other, near)).sum() / max(one.sum(), 1)
        for one, other in ((ours, theirs), (theirs, ours))
    )
    return float(2 * precision * recall / max(precision + recall, 1e-12))


def structure_distance(features: np.ndarray, photo: np.ndarray) -> float:
    """How differently places are alike in a picture and its photo (Kolkin et al. 2019, arXiv:1904.12785).

    Mean absolute difference between the cosines of all pairs of places, of features [height, width, channels]
    of the same shape, from which their mean is taken; 0 if they are equal, 2 at most.
    """
    ours, theirs = (_cosines(values.reshape(-1, values.shape[-1])) for values in (features, photo))
    return float(np.abs(ours - theirs).mean())


def sliced_wasserstein(features: np.ndarray, painting: np.ndarray, *, directions: int = 128) -> float:
    """Distance between what features are, wherever they are (Heitz et al. 2021, arXiv:2006.07229).

    Root mean squared difference of quantiles along random directions, the same ones each time, by the
    painting's standard deviation; of features [height, width, channels] of any sizes.
    """
    channels = features.shape[-1]
    axes = np.random.default_rng(0).standard_normal((channels, directions))
    axes /= np.linalg.norm(axes, axis=0)
    shares = (np.arange(_NUM_QUANTILES) + 0.5) / _NUM_QUANTILES
    ours, theirs = (
        np.quantile(values.reshape(-1, channels) @ axes, shares, axis=0) for values in (features, painting)
    )
    return float(np.sqrt(np.square(ours - theirs).mean()) / max(np.sqrt(theirs.var(0).mean()), 1e-12))


def stroke_size(image: np.ndarray) -> float:
    """Mean wavelength of brightness in pixels, by power, of waves of at most 64 pixels; of [h, w, 3]."""
    light = _light(image)
    window = np.outer(*(np.hanning(side) for side in light.shape))  # no border, which is no stroke
    power = np.square(np.abs(np.fft.rfft2((light - light.mean()) * window)))
    vertical, horizontal = np.fft.fftfreq(light.shape[0]), np.fft.rfftfreq(light.shape[1])
    frequencies = np.hypot(vertical[:, np.newaxis], horizontal)
    seen = frequencies >= 1 / _LONGEST_WAVE
    return float((power[seen] / frequencies[seen]).sum() / max(power[seen].sum(), 1e-12))


def _light(image: np.ndarray) -> np.ndarray:
    return image @ LUMA


def _edges(image: np.ndarray) -> np.ndarray:
    light = ndimage.gaussian_filter(_light(image), 1.0)
    change = np.hypot(ndimage.sobel(light, 0), ndimage.sobel(light, 1))
    return change > max(np.quantile(change, 1 - _EDGES), 1e-6)


def _cosines(values: np.ndarray) -> np.ndarray:
    centred = values.astype(np.float64) - values.mean(0)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    return centred @ centred.T
