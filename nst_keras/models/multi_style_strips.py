"""The network of `multi_style` for very large pictures: strip by strip, with the statistics of the whole.

What lies at the half and the quarter resolution is computed anew in each pass and never kept; what
lies at an eighth of it, which is small, is kept. That takes less than twice the arithmetic.
"""

import keras
import numpy as np
import tensorflow as tf

from nst_keras.models.multi_style import NUM_BLOCKS, PHOTO_SLOPE
from nst_keras.models.strips import STRIP_PIXELS, Rows, StripConvolution, slices


def stylize_in_strips(
    model: keras.Model, image: np.ndarray, style_weights: np.ndarray, *, strip_pixels: int = STRIP_PIXELS
) -> np.ndarray:
    """Computes what the network computes, but for rounding: float32 [h, w, 3], RGB on 0..255.

    The style's weights are float32 [num_styles] and add up to 1.
    """
    height, width = image.shape[:2]
    multiple = model.get_layer("pad").multiple
    padding = [(0, -height % multiple), (0, -width % multiple), (0, 0)]
    padded = np.pad(image, padding, mode="symmetric")[np.newaxis]

    share = strip_pixels / (padded.shape[1] * padded.shape[2])

    def layer(name: str, source: Rows, source_height: int, *, activation: str = "relu") -> StripConvolution:
        return StripConvolution(model, name, style_weights, source, source_height, share, activation)

    def gain(name: str) -> np.ndarray:
        factors: np.ndarray = style_weights @ np.asarray(model.get_layer(f"{name}_gain").gamma)
        return factors

    def pixels(first: int, last: int) -> tf.Tensor:
        return tf.constant(padded[:, first:last]) / 127.5 - 1.0

    conv1 = layer("conv1", pixels, padded.shape[1]).measured()
    conv2 = layer("conv2", conv1.rows, conv1.height).measured()
    features = layer("conv3", conv2.rows, conv2.height).computed()
    for block in range(1, NUM_BLOCKS + 1):
        side = features.shape[1]
        inner = layer(f"residual{block}_1", slices(features), side).computed()
        inner = layer(f"residual{block}_2", slices(inner), side, activation="linear").computed()
        features += inner
    up1 = layer("up1", slices(features), features.shape[1]).measured()
    up2 = layer("up2", _sum(up1, conv2, gain("conv2")), up1.height).measured()
    painted = layer("conv_out", _sum(up2, conv1, gain("conv1")), up2.height, activation="linear").computed()
    photo_gain = PHOTO_SLOPE * gain("photo")
    rows = max(1, strip_pixels // padded.shape[2])
    for first in range(0, padded.shape[1], rows):
        strip = painted[:, first : first + rows]
        strip[...] = 255.0 * tf.sigmoid(strip + photo_gain * pixels(first, first + rows))
    return painted[0, :height, :width]


def _sum(one: StripConvolution, other: StripConvolution, gain: np.ndarray) -> Rows:
    return lambda first, last: one.rows(first, last) + gain * other.rows(first, last)
