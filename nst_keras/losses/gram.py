"""Statistics of features over positions, which describe a style, and their distance."""

import tensorflow as tf


def gram_matrix(features: tf.Tensor) -> tf.Tensor:
    """Correlations between channels: F^T F / (height * width * channels).

    Dividing by the size (Johnson et al. 2016, arXiv:1603.08155, eq. 3) leaves Gatys et al., who keep
    the sum: this way a loss between Gram matrices means the same for every picture size.

    Args:
        features: float32 [batch, height, width, channels].

    Returns:
        float32 [batch, channels, channels], symmetric.
    """
    shape = tf.shape(features)
    flat = tf.reshape(features, [shape[0], shape[1] * shape[2], shape[3]])
    count = tf.cast(shape[1] * shape[2] * shape[3], features.dtype)
    return tf.matmul(flat, flat, transpose_a=True) / count


def mean_squared_difference(values: tf.Tensor, target: tf.Tensor, *, relative: bool = False) -> tf.Tensor:
    """Mean of (values - target)^2, divided by the mean of target^2 if `relative`.

    Args:
        values: float32, any shape.
        target: Of the same shape, or one that broadcasts to it.
        relative: Whether to divide.

    Returns:
        A float32 scalar.
    """
    difference = tf.reduce_mean(tf.math.squared_difference(values, target))
    if not relative:
        return difference
    # Features of a flat picture can be all zero.
    return difference / tf.maximum(tf.reduce_mean(tf.square(target)), 1e-3)
