"""The network of `multi_style` for very large pictures: strip by strip, with the statistics of the whole.

Instance normalisation needs mean and deviation of each channel over the whole picture, so that painted
tiles would show. Here a layer's statistics are measured in a pass over strips before the next layer is
begun. What lies at the half and the quarter resolution is computed anew in each pass and never kept; what
lies at an eighth of it, which is small, is kept. That takes less than twice the arithmetic.
"""

from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from nst_keras.layers.upsampled_conv2d import UpsampledConv2D
from nst_keras.models.multi_style import NUM_BLOCKS, PHOTO_SLOPE
from nst_keras.ops.instance_statistics import EPSILON

# Pixels of the picture in a strip; its features take some 0.3 GB.
_STRIP_PIXELS = 2**20

# Rows from the first up to the last, which isn't included: float32 [1, rows, width, channels].
Rows = Callable[[int, int], tf.Tensor]


def stylize_in_strips(
    model: keras.Model, image: np.ndarray, style_weights: np.ndarray, *, strip_pixels: int = _STRIP_PIXELS
) -> np.ndarray:
    """Computes what the network computes, but for rounding: float32 [h, w, 3], RGB on 0..255.

    The style's weights are float32 [num_styles] and add up to 1.
    """
    height, width = image.shape[:2]
    multiple = model.get_layer("pad").multiple
    padding = [(0, -height % multiple), (0, -width % multiple), (0, 0)]
    padded = np.pad(image, padding, mode="symmetric")[np.newaxis]

    share = strip_pixels / (padded.shape[1] * padded.shape[2])

    def layer(name: str, source: Rows, source_height: int, *, activation: bool = True) -> "_Convolution":
        return _Convolution(model, name, style_weights, source, source_height, share, activation)

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
        inner = layer(f"residual{block}_1", _slices(features), side).computed()
        inner = layer(f"residual{block}_2", _slices(inner), side, activation=False).computed()
        features += inner
    up1 = layer("up1", _slices(features), features.shape[1]).measured()
    up2 = layer("up2", _sum(up1, conv2, gain("conv2")), up1.height).measured()
    painted = layer("conv_out", _sum(up2, conv1, gain("conv1")), up2.height, activation=False).computed()
    photo_gain = PHOTO_SLOPE * gain("photo")
    rows = max(1, strip_pixels // padded.shape[2])
    for first in range(0, padded.shape[1], rows):
        strip = painted[:, first : first + rows]
        strip[...] = 255.0 * tf.sigmoid(strip + photo_gain * pixels(first, first + rows))
    return painted[0, :height, :width]


class _Convolution:
    """A convolution with its padding before it, and its normalisation and activation after it."""

    def __init__(
        self,
        model: keras.Model,
        name: str,
        style_weights: np.ndarray,
        source: Rows,
        source_height: int,
        strip_share: float,
        activation: bool,
    ) -> None:
        layer, norm = model.get_layer(name), model.get_layer(f"{name}_norm")
        self._doubles = isinstance(layer, UpsampledConv2D)
        self._kernel = layer.folded() if self._doubles else layer.kernel
        self._stride = 1 if self._doubles else layer.strides[0]
        self._border = self._kernel.shape[0] // 2
        self._source, self._source_height = source, source_height
        self.height = 2 * source_height if self._doubles else source_height // self._stride  # of the result
        self._strip_rows = max(1, int(strip_share * self.height))
        self._gamma, self._beta = (style_weights @ np.asarray(rows) for rows in (norm.gamma, norm.beta))
        self._factor = self._offset = np.float32(0)
        self._activation = keras.activations.get("relu" if activation else "linear")

    def measured(self) -> "_Convolution":
        """Measures the picture's statistics, so that `rows` can be asked for."""
        self._set_statistics([_moments(raw) for _, raw in self._strips()])
        return self

    def computed(self) -> np.ndarray:
        """All rows at once, float32 [1, height, width, channels]."""
        whole, moments = None, []
        for first, raw in self._strips():
            moments.append(_moments(raw))
            if whole is None:
                whole = np.empty([1, self.height, *raw.shape[2:]], np.float32)
            whole[:, first : first + raw.shape[1]] = raw.numpy()
        if whole is None:
            raise ValueError("a picture must have rows")
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


def _slices(features: np.ndarray) -> Rows:
    return lambda first, last: tf.constant(features[:, first:last])


def _sum(one: _Convolution, other: _Convolution, gain: np.ndarray) -> Rows:
    return lambda first, last: one.rows(first, last) + gain * other.rows(first, last)
