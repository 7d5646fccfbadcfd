"""How far pictures, or what is compared of them, are from what they should be."""

import tensorflow as tf

from nst_keras.pictures.color import LUMA


def mean_squared_difference(
    values: tf.Tensor, targets: tf.Tensor, *, relative: bool = False, power: tf.Tensor | None = None
) -> tf.Tensor:
    """Mean of (values - targets)^2, of each picture divided by the mean of its target^2 if `relative`.

    Relative distances put layers, styles and contents on one scale: 0 is equal, 1 as far as no features.
    Values are float32 [batch, ...]; targets of the same shape, or with a batch of 1. Where both are a part
    of a picture's, `power` is the mean of the whole target^2.
    """
    axes = list(range(1, len(targets.shape)))
    differences = tf.reduce_mean(tf.math.squared_difference(values, targets), axes)
    if relative:
        power = tf.reduce_mean(tf.square(targets), axes) if power is None else power
        differences /= tf.maximum(power, 1e-3)  # features of a flat picture can be all zero
    return tf.reduce_mean(differences)


def total_variation(images: tf.Tensor) -> tf.Tensor:
    """Mean squared difference of vertical neighbours plus that of horizontal ones.

    Squared as in Mahendran & Vedaldi 2015 (arXiv:1412.0035, beta = 2); means, so that it doesn't
    depend on the size of the pictures, float32 [batch, height, width, channels] of at least 2x2 pixels.
    """
    vertical = images[:, 1:] - images[:, :-1]
    horizontal = images[:, :, 1:] - images[:, :, :-1]
    return tf.reduce_mean(tf.square(vertical)) + tf.reduce_mean(tf.square(horizontal))


def color_total_variation(images: tf.Tensor) -> tf.Tensor:
    """`total_variation` of pictures' colours, RGB, without their brightness (BT.601's luma)."""
    return total_variation(images - tf.tensordot(images, LUMA, 1)[..., tf.newaxis])
