"""Total variation: how much neighbouring pixels differ."""

import tensorflow as tf


def total_variation(images: tf.Tensor) -> tf.Tensor:
    """Mean squared difference of vertical neighbours plus that of horizontal ones.

    Squared as in Mahendran & Vedaldi 2015 (arXiv:1412.0035, beta = 2); means, so that it doesn't
    depend on the picture's size.

    Args:
        images: float32 [batch, height, width, channels], at least 2x2 pixels.

    Returns:
        A float32 scalar, 0 for flat pictures.
    """
    vertical = images[:, 1:] - images[:, :-1]
    horizontal = images[:, :, 1:] - images[:, :, :-1]
    return tf.reduce_mean(tf.square(vertical)) + tf.reduce_mean(tf.square(horizontal))
