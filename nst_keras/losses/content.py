"""Content loss."""

import tensorflow as tf

from nst_keras.losses.gram import mean_squared_difference


def content_loss(features: tf.Tensor, target: tf.Tensor, *, relative: bool = False) -> tf.Tensor:
    """Mean squared difference of features.

    The mean leaves Gatys et al. 2016 (CVPR, eq. 1), who take half the sum: with a mean, a weight
    means the same at every picture size.

    Args:
        features: float32 [batch, height, width, channels] of the generated image.
        target: The content image's features, of the same shape.
        relative: Divides by the mean square of the target: 0 is equal, 1 as far as no features at all.

    Returns:
        A float32 scalar.
    """
    return mean_squared_difference(features, target, relative=relative)
