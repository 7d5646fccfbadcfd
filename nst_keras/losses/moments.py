"""What is compared of features, whatever their places: tensors [batch, ...] for each picture.

Moments are means over positions. So the mean of several styles' is a blend of them, and that of a
picture's parts, each weighted by its share of the positions, is the whole picture's.
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from nst_keras.ops.instance_statistics import EPSILON, instance_statistics


class Moments(NamedTuple):
    """What a Gaussian knows of features, and of how many positions.

    Attributes:
        count: Positions, or the sum of their weights: float32 [batch].
        mean: Of each channel: [batch, channels].
        second: Mean outer product of a position's channels: [batch, channels, channels].
    """

    count: tf.Tensor
    mean: tf.Tensor
    second: tf.Tensor

    def covariance(self) -> tf.Tensor:
        """Covariance matrices, [batch, channels, channels]."""
        return self.second - _outer(self.mean)

    def deviation(self) -> tf.Tensor:
        """Standard deviations, [batch, channels], of at least the root of `EPSILON`."""
        variance = tf.linalg.diag_part(self.second) - tf.square(self.mean)
        return tf.sqrt(tf.maximum(variance, EPSILON))


def moments(features: tf.Tensor, weights: tf.Tensor | None = None) -> Moments:
    """Moments of features [batch, height, width, channels], each position by its weight [height, width]."""
    flat, count = flattened(features, weights)
    roots = tf.ones_like(flat[0, :, 0]) if weights is None else tf.sqrt(tf.reshape(weights, [-1]))
    mean = tf.linalg.matvec(flat, roots, transpose_a=True) / count
    # Beside large means float32 would lose small variances, so those are summed up by themselves.
    flat, _ = flattened(features - mean[:, tf.newaxis, tf.newaxis, :], weights)
    second = tf.matmul(flat, flat, transpose_a=True) / count + _outer(mean)
    return Moments(tf.fill([tf.shape(features)[0]], count), mean, second)


def combined(parts: Sequence[Moments]) -> Moments:
    """Moments of a whole from those of its parts."""
    count = tf.add_n([part.count for part in parts])
    shares = [part.count / count for part in parts]
    mean = tf.add_n([share[:, None] * part.mean for share, part in zip(shares, parts, strict=True)])
    second = tf.add_n([share[:, None, None] * part.second for share, part in zip(shares, parts, strict=True)])
    return Moments(count, mean, second)


def _outer(mean: tf.Tensor) -> tf.Tensor:
    return mean[:, :, tf.newaxis] * mean[:, tf.newaxis, :]


def gram_matrix(features: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
    """Correlations between channels, float32 [batch, channels, channels]: F^T F by height * width * channels.

    Dividing by the size (Johnson et al. 2016, arXiv:1603.08155, eq. 3) leaves Gatys et al., who keep
    the sum: this way a loss between Gram matrices means the same for every picture size. Each position
    counts by its weight, [height, width].
    """
    flat, count = flattened(features, weights)
    return tf.matmul(flat, flat, transpose_a=True) / (count * features.shape[-1])


def mean_and_deviation(features: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
    """Means and standard deviations side by side, so that neither counts more: [batch, 1, 1, 2 * channels].

    Huang & Belongie 2017 (arXiv:1703.06868, eq. 13) add up two distances instead. Each position counts by its
    weight, [height, width].
    """
    return tf.concat(instance_statistics(features, weights), -1)


def flattened(features: tf.Tensor, weights: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
    """Features [batch, positions, channels] times the roots of weights, and the weights' sum.

    So their product F^T F by the sum is the mean outer product.
    """
    shape = tf.shape(features)
    if weights is None:
        count = tf.cast(shape[1] * shape[2], features.dtype)
    else:
        features = features * tf.sqrt(weights)[:, :, tf.newaxis]
        count = tf.reduce_sum(weights)
    return tf.reshape(features, [shape[0], shape[1] * shape[2], features.shape[-1]]), count
