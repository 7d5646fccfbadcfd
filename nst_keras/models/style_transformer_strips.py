"""The networks of `style_transformer` for very large pictures, strip by strip.

What lies at the full and the half resolution is computed anew in each pass and never kept; what lies at a
quarter of it is kept.
"""

import keras
import numpy as np
import tensorflow as tf

from nst_keras.models.strips import STRIP_PIXELS, Rows, StripConvolution, slices
from nst_keras.models.style_transformer import STRIDE


def stylize_in_strips(
    model: keras.Model,
    num_blocks: int,
    image: np.ndarray,
    style_weights: np.ndarray,
    *,
    strip_pixels: int = STRIP_PIXELS,
) -> np.ndarray:
    """Computes what the network computes, but for rounding: float32 [h, w, 3], RGB on 0..255.

    The network has so many residual blocks; the weights of its rows are float32 [num_rows].
    """
    height, width = image.shape[:2]
    padding = [(0, -height % STRIDE), (0, -width % STRIDE), (0, 0)]
    padded = np.pad(image, padding, mode="symmetric")[np.newaxis]
    share = strip_pixels / (padded.shape[1] * padded.shape[2])

    def layer(name: str, source: Rows, source_height: int, activation: str = "relu") -> StripConvolution:
        return StripConvolution(model, name, style_weights, source, source_height, share, activation)

    def pixels(first: int, last: int) -> tf.Tensor:
        return tf.constant(padded[:, first:last]) / 255

    conv1 = layer("conv1", pixels, padded.shape[1]).measured()
    conv2 = layer("conv2", conv1.rows, conv1.height).measured()
    features = layer("conv3", conv2.rows, conv2.height).computed()
    for block in range(1, num_blocks + 1):
        side = features.shape[1]
        inner = layer(f"residual{block}_1", slices(features), side).computed()
        features += layer(f"residual{block}_2", slices(inner), side, "linear").computed()
    up1 = layer("up1", slices(features), features.shape[1]).measured()
    up2 = layer("up2", up1.rows, up1.height).measured()
    painted = layer("conv_out", up2.rows, up2.height, "sigmoid").computed()
    painted *= 255
    return painted[0, :height, :width]
