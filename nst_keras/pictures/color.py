"""Colour: keeping a photo's own colours under a painted surface."""

import numpy as np

# ITU-R BT.601 luma, as in JPEG.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def luma(image: np.ndarray) -> np.ndarray:
    """Returns the brightness [H, W, 1] of an RGB picture [H, W, 3], on the same scale."""
    return (image @ _LUMA)[..., np.newaxis]


def with_colors_of(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Takes the brightness from `image` and the colours from `reference`.

    Luminance-only transfer after Gatys et al. 2016 (arXiv:1606.05897, section 3), done on the
    finished picture: adding one brightness difference to R, G and B leaves the chroma as it is.
    All are float32 [H, W, 3], RGB on 0..255; values of the result may lie outside of that.
    """
    return reference + luma(image) - luma(reference)


def match_color_statistics(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Gives `image` the mean colour and colour covariance of `reference`, which may be of another size.

    The symmetric solution of Gatys et al. 2016 (arXiv:1606.05897, eq. 4), which changes each
    colour as little as it can. Values of the result, float32 [H, W, 3], may lie outside 0..255.
    """
    pixels, wanted = image.reshape(-1, 3), reference.reshape(-1, 3)
    change = _root(np.cov(wanted.T)) @ np.linalg.inv(_root(np.cov(pixels.T)))
    moved = (pixels - pixels.mean(0)) @ change.T + wanted.mean(0)
    return moved.reshape(image.shape).astype(np.float32)


def _root(covariance: np.ndarray) -> np.ndarray:
    """Symmetric square root; flat pictures get a little variance, so that it can be inverted."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 1e-3))) @ vectors.T
