"""Style loss."""

import tensorflow as tf

from nst_keras.losses.gram import gram_matrix, mean_squared_difference


def style_loss(features: tf.Tensor, target: tf.Tensor, *, relative: bool = False) -> tf.Tensor:
    """Mean squared difference of Gram matrices.

    Gatys et al. 2016 (CVPR, eq. 4) times 4 / channels^2, which comes of the Gram matrix being
    divided by the number of features (see `gram_matrix`).

    Args:
        features: float32 [batch, height, width, channels] of the generated image.
        target: float32 [1 or batch, channels, channels], the Gram matrix to reach.
        relative: Divides by the mean square of the target, which puts all layers and all styles on
            one scale: 0 is equal, 1 as far as no features at all.

    Returns:
        A float32 scalar.
    """
    return mean_squared_difference(gram_matrix(features), target, relative=relative)


def blend_targets(targets: list[tf.Tensor], weights: list[float]) -> tf.Tensor:
    """Mixes the Gram matrices of several styles.

    Pulling towards a weighted mean equals the weighted sum of one style loss per style, up to a
    constant, if the weights add up to 1.
    """
    return tf.add_n([weight * target for weight, target in zip(weights, targets, strict=True)])
