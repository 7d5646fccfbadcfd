"""The network of `arbitrary_style` for very large pictures: strip by strip, with the statistics of the whole.

Only the features of relu4_1, at an eighth of the resolution, are normalised; they are kept whole. Encoder
and decoder are convolutions, so that a strip needs its neighbours' nearest rows and nothing else.
"""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from nst_keras.models.arbitrary_style import STRIDE
from nst_keras.ops.instance_statistics import renormalize

# Pixels of the picture in a strip; its features take some 0.5 GB.
STRIP_PIXELS = 2**19

# Rows of features that a strip needs on each side: a row of relu4_1 sees 30 pixels up and down, and
# a row of pixels is decoded from 4 rows of features on each side.
_MARGIN = 4

Network = Callable[[tf.Tensor], tf.Tensor]


def paint_in_strips(
    encode: Network,
    decode: Network,
    image: np.ndarray,
    style: np.ndarray,
    *,
    strip_pixels: int = STRIP_PIXELS,
) -> np.ndarray:
    """Computes what the network computes at strength 1, but for rounding: float32 [h, w, 3], RGB on 0..255.

    `encode` goes from pictures [1, h, w, 3] to the features of relu4_1, `decode` back, both compiled, or they
    need far more memory; `style` has means and deviations, float32 [2, 512].
    """
    height, width = image.shape[:2]
    padding = [(0, -height % STRIDE), (0, -width % STRIDE), (0, 0)]
    padded = np.pad(image, padding, mode="symmetric")[np.newaxis]
    rows = max(1, strip_pixels // (STRIDE * padded.shape[2]))
    strips = list(_strips(padded.shape[1] // STRIDE, rows))
    parts = []
    for low, first, last, high in strips:
        code = encode(tf.constant(padded[:, low * STRIDE : high * STRIDE]))
        parts.append(code[:, first - low : last - low])
    mean, deviation = style.reshape(2, 1, 1, 1, -1)
    styled = renormalize(tf.concat(parts, axis=1), mean, deviation)
    painted = np.empty_like(padded)
    for low, first, last, high in strips:
        strip = decode(styled[:, low:high])
        painted[:, first * STRIDE : last * STRIDE] = strip[:, (first - low) * STRIDE : (last - low) * STRIDE]
    return painted[0, :height, :width]


def _strips(height: int, rows: int) -> Iterator[tuple[int, int, int, int]]:
    """First and last row of each strip, with margins (low, first, last, high)."""
    for first in range(0, height, rows):
        last = min(height, first + rows)
        yield max(0, first - _MARGIN), first, last, min(height, last + _MARGIN)
