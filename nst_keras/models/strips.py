"""Convolutions with instance normalisation over very large pictures, strip by strip.

Normalisation needs mean and deviation of each channel over the whole picture, so that painted tiles would
show. Here a layer's statistics are measured in a pass over strips before the next layer is begun.
"""

from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from nst_keras.layers.upsampled_conv2d import UpsampledConv2D
from nst_keras.ops.instance_statistics import EPSILON

# Pixels of the picture in a strip; its features take some 0.3 GB.
STRIP_PIXELS = 2**20

# Rows from the first up to the last, which isn't included: float32 [1, rows, width, channels].
Rows = Callable[[int, int], tf.Tensor]


class StripConvolution:
    """A convolution with its padding before it, and its normalisation and activation after it.

    Args:
        model: Where the layer `name` is, and `NAME_norm`, unless the former has a bias.
        name: A `Conv2D` or `BlockedConv2D`, padded by reflection, or an `UpsampledConv2D`.
        style_weights: By which the rows of the normalisation are blended, float32 [num_styles].
        source: Its input's rows, of which there are `source_height`.
        strip_share: Of the rows that are computed at once.
        activation: Of Keras, by name.
    """

    def __init__(
        self,
        model: keras.Model,
        name: str,
        style_weights: np.ndarray,
        source: Rows,
        source_height: int,
        strip_share: float,
        activation: str = "relu",
    ) -> None:
        layer = model.get_layer(name)
        self._doubles = isinstance(layer, UpsampledConv2D)
        self._kernel = layer.folded() if self._doubles else layer.kernel
        self._stride = 1 if self._doubles else layer.strides[0]
        self._border = self._kernel.shape[0] // 2
        self._source, self._source_height = source, source_height
        self.height = 2 * source_height if self._doubles else source_height // self._stride  # of the result
        self._strip_rows = max(1, int(strip_share * self.height))
        self._factor, self._offset = np.ones([], np.float32), np.zeros([], np.float32)
        self._normalized = not getattr(layer, "use_bias", False)
        if self._normalized:
            norm = model.get_layer(f"{name}_norm")
            self._gamma, self._beta = (style_weights @ np.asarray(rows) for rows in (norm.gamma, norm.beta))
        else:
            self._offset = np.asarray(layer.bias)
        self._activation = keras.activations.get(activation)

    def measured(self) -> "StripConvolution":
        """Measures the picture's statistics, so that `rows` can be asked for."""
        if self._normalized:
            self._set_statistics([_moments(raw) for _, raw in self._strips()])
        return self

    def computed(self) -> np.ndarray:
        """All rows at once, float32 [1, height, width, channels]."""
        whole, moments = None, []
        for first, raw in self._strips():
            if self._normalized:
                moments.append(_moments(raw))
            if whole is None:
                whole = np.empty([1, self.height, *raw.shape[2:]], np.float32)
            whole[:, first : first + raw.shape[1]] = raw.numpy()
        if whole is None:
            raise ValueError("a picture must have rows")
        if self._normalized:
            self._set_statistics(moments)
        for first in range(0, self.height, self._strip_rows):
            strip = whole[:, first : first + self._strip_rows]
            strip[...] = self._finished(strip)
        return whole

    def rows(self, first: int, last: int) -> tf.Tensor:
        """Rows as the next layer sees them."""
        return self._finished(self._raw(first, last))

    def _strips(self) -> Iterator[tuple[int, tf.Tensor]]:
        for first in range(0, self.height, self._strip_rows):
            yield first, self._raw(first, min(self.height, first + self._strip_rows))

    def _raw(self, first: int, last: int) -> tf.Tensor:
        """Before normalisation."""
        if not self._doubles:
            return self._convolved(first, last)
        outputs = tf.nn.depth_to_space(self._convolved(first // 2, -(-last // 2)), 2)
        return outputs[:, first % 2 : first % 2 + last - first]

    def _convolved(self, first: int, last: int) -> tf.Tensor:
        wanted = np.arange(first * self._stride - self._border, (last - 1) * self._stride + self._border + 1)
        again = int(self._doubles)  # whether the outermost row comes twice
        mirrored = np.where(wanted < 0, -wanted - again, wanted)
        mirrored = np.minimum(mirrored, 2 * (self._source_height - 1) + again - mirrored)
        lowest = int(mirrored.min())
        inputs = self._source(lowest, int(mirrored.max()) + 1)
        if not np.array_equal(mirrored, wanted):
            inputs = tf.gather(inputs, mirrored - lowest, axis=1)
        border = [self._border, self._border]
        mode = "SYMMETRIC" if self._doubles else "REFLECT"
        inputs = tf.pad(inputs, [[0, 0], [0, 0], border, [0, 0]], mode=mode)
        return tf.nn.conv2d(inputs, self._kernel, self._stride, "VALID")

    def _finished(self, raw: tf.Tensor) -> tf.Tensor:
        return self._activation(raw * self._factor + self._offset)

    def _set_statistics(self, moments: list[tuple[int, np.ndarray, np.ndarray]]) -> None:
        """Puts the moments of strips together (Chan et al. 1979), in double precision."""
        counts, means, variances = map(np.array, zip(*moments, strict=True))
        shares = (counts / counts.sum())[:, np.newaxis]
        mean = (shares * means).sum(axis=0)
        variance = (shares * (variances + (means - mean) ** 2)).sum(axis=0)
        factor = self._gamma / np.sqrt(variance + EPSILON)
        self._factor = factor.astype(np.float32)
        self._offset = (self._beta - mean * factor).astype(np.float32)


def _moments(raw: tf.Tensor) -> tuple[int, np.ndarray, np.ndarray]:
    """Positions of a strip, and mean and variance of each channel."""
    mean, variance = tf.nn.moments(raw, axes=(0, 1, 2))
    return raw.shape[1] * raw.shape[2], mean.numpy().astype(np.float64), variance.numpy().astype(np.float64)


def slices(features: np.ndarray) -> Rows:
    """Rows of what is kept whole, [1, height, width, channels]."""
    return lambda first, last: tf.constant(features[:, first:last])
