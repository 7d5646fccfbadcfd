"""How far what is compared of pictures is from what it should be."""

import tensorflow as tf


def mean_squared_difference(values: tf.Tensor, targets: tf.Tensor, *, relative: bool = False) -> tf.Tensor:
    """Mean of (values - targets)^2, of each picture divided by the mean of its target^2 if `relative`.

    Relative distances put layers, styles and contents on one scale: 0 is equal, 1 as far as no features.

    Args:
        values: float32 [batch, ...].
        targets: Of the same shape, or with a batch of 1.
        relative: Whether to divide.

    Returns:
        A float32 scalar.
    """
    axes = list(range(1, len(targets.shape)))
    differences = tf.reduce_mean(tf.math.squared_difference(values, targets), axes)
    if relative:
        # Features of a flat picture can be all zero.
        differences /= tf.maximum(tf.reduce_mean(tf.square(targets), axes), 1e-3)
    return tf.reduce_mean(differences)
