"""The colours of method nn: those of the style, laid over the content's own edges."""

from collections.abc import Sequence

import numpy as np

from nst_keras.pictures.color import match_color_statistics, oklab_to_srgb, srgb_to_oklab

# In OkLAB, where lightness reaches from 0 to 1: a deviation of a hundredth can hardly be seen.
_LEAST_VARIANCE = 1e-4
_PASSES, _EDGE = 5, 10.0  # a difference in lightness of .1 weighs 1/e


def recolored(
    painted: np.ndarray, content: np.ndarray, styles: Sequence[np.ndarray], shares: Sequence[float]
) -> np.ndarray:
    """Keeps the lightness of what is painted and takes the colours from the content, moved to the styles'.

    Kolkin et al. 2022 (arXiv:2203.13215): nearest neighbours alone place colours in blotches. In OkLAB they
    get the styles' mean and covariance, are smoothed where lightness has no edges, and stay within the
    styles' range.

    Args:
        painted: float32 [H, W, 3], RGB on 0..255.
        content: As large.
        styles: Of any sizes.
        shares: The part of each; they add up to 1.
    """
    lightness = srgb_to_oklab(painted)[..., :1]
    wanted = [srgb_to_oklab(style).reshape(-1, 3) for style in styles]
    kept = [share / max(shares) for share in shares]
    least = min(len(colors) for colors in wanted)
    # As many of each as its share, spread over the picture.
    wanted = [
        colors[np.linspace(0, len(colors) - 1, round(part * least)).astype(int)]
        for colors, part in zip(wanted, kept, strict=True)
    ]
    reference = np.concatenate(wanted)[np.newaxis]
    axes = srgb_to_oklab(content)[..., 1:]
    axes = match_color_statistics(axes, reference[..., 1:], _LEAST_VARIANCE)
    for _ in range(_PASSES):
        axes = _smoothed(axes, lightness)
    lab = np.concatenate([lightness, axes], -1)
    return oklab_to_srgb(np.clip(lab, reference.min((0, 1)), reference.max((0, 1))))


def _smoothed(values: np.ndarray, guide: np.ndarray) -> np.ndarray:
    """Means over 3x3 pixels that look alike in the guide (a bilateral filter, Tomasi & Manduchi 1998)."""
    height, width = guide.shape[:2]
    near, near_guide = (np.pad(each, ((1, 1), (1, 1), (0, 0)), mode="edge") for each in (values, guide))
    total, weights = np.zeros_like(values), np.zeros_like(guide)
    for top in range(3):
        for left in range(3):
            window = np.s_[top : top + height, left : left + width]
            weight = np.exp(-_EDGE * np.abs(near_guide[window] - guide))
            total += weight * near[window]
            weights += weight
    return total / weights
