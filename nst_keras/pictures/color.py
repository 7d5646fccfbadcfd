"""Colour: keeping a photo's own colours under a painted surface."""

import numpy as np

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in brightness: ITU-R BT.601, as in JPEG and Pillow."""

# Ottosson 2020, "A perceptual color space for image processing": linear RGB to the responses of three cones,
# and their cube roots to lightness, green to red, blue to yellow.
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)

# On 0..255; flat pictures get so much, so that their covariance can be inverted.
_LEAST_VARIANCE = 1e-3


def luma(image: np.ndarray) -> np.ndarray:
    """Returns the brightness [H, W, 1] of an RGB picture [H, W, 3], on the same scale."""
    return (image @ np.array(LUMA, np.float32))[..., np.newaxis]


def with_colors_of(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Takes the brightness from `image` and the colours from `reference`.

    Luminance-only transfer after Gatys et al. 2016 (arXiv:1606.05897, section 3), done on the
    finished picture: adding one brightness difference to R, G and B leaves the chroma as it is.
    All are float32 [H, W, 3], RGB on 0..255; values of the result may lie outside of that.
    """
    return reference + luma(image) - luma(reference)


def match_color_statistics(
    image: np.ndarray, reference: np.ndarray, least_variance: float = _LEAST_VARIANCE
) -> np.ndarray:
    """Gives `image` the mean colour and colour covariance of `reference`, which may be of another size.

    The symmetric solution of Gatys et al. 2016 (arXiv:1606.05897, eq. 4), which changes each
    colour as little as it can. Values of the result, float32 [H, W, channels], may lie outside of 0..255.
    Colours that vary less than `least_variance` count as if they varied so much.
    """
    change = _root(_covariance(reference), least_variance) @ np.linalg.inv(
        _root(_covariance(image), least_variance)
    )
    return _moved(image, reference, change)


def transport_colors(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Moves colours of `image` as little as can be so that mean and covariance are those of `reference`.

    The linear Monge-Kantorovich map of Pitie & Kokaram 2007 ("The linear Monge-Kantorovitch linear colour
    mapping for example-based colour transfer", eq. 8): optimal transport, if both were Gaussian. Arrays are
    as for `match_color_statistics`.
    """
    own = _root(_covariance(image), _LEAST_VARIANCE)
    back = np.linalg.inv(own)
    return _moved(image, reference, back @ _root(own @ _covariance(reference) @ own, _LEAST_VARIANCE) @ back)


def _covariance(image: np.ndarray) -> np.ndarray:
    return np.cov(image.reshape(-1, image.shape[-1]).T)


def _moved(image: np.ndarray, reference: np.ndarray, change: np.ndarray) -> np.ndarray:
    pixels, wanted = (each.reshape(-1, each.shape[-1]) for each in (image, reference))
    moved = (pixels - pixels.mean(0)) @ change.T + wanted.mean(0)
    return moved.reshape(image.shape).astype(np.float32)


def _root(covariance: np.ndarray, least: float) -> np.ndarray:
    """Symmetric square root, of eigenvalues that are raised to the least one."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, least))) @ vectors.T


def srgb_to_oklab(image: np.ndarray) -> np.ndarray:
    """Returns lightness and two colour axes, float32 [..., 3], of RGB [..., 3] on 0..255, sRGB-encoded.

    OkLAB (Ottosson 2020): equal distances look about equal. Lightness is 0 for black and 1 for white; the
    axes, from green to red and from blue to yellow, are 0 for gray and stay within -0.4..0.4.
    """
    encoded = np.asarray(image, np.float64) / 255
    size = np.abs(encoded)
    linear = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    cones = (np.sign(encoded) * linear) @ _CONES.T
    return (np.cbrt(cones) @ _OKLAB.T).astype(np.float32)


def oklab_to_srgb(lab: np.ndarray) -> np.ndarray:
    """The inverse of `srgb_to_oklab`, float32; colours that sRGB can't show lie outside of 0..255."""
    cones = (np.asarray(lab, np.float64) @ np.linalg.inv(_OKLAB).T) ** 3
    linear = cones @ np.linalg.inv(_CONES).T
    size = np.abs(linear)
    encoded = np.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055)
    return (255 * np.sign(linear) * encoded).astype(np.float32)
