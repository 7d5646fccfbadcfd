"""Adaptive instance normalisation."""

import keras
import tensorflow as tf

from nst_keras.ops.instance_statistics import renormalize


@keras.saving.register_keras_serializable(package="nst_keras")
class AdaptiveInstanceNormalization(keras.layers.Layer):
    """Gives the features of contents the means and deviations of those of styles.

    Huang & Belongie 2017 (arXiv:1703.06868, eq. 8), with the statistics as inputs: they are computed once
    for a style, and those of several can be blended.

    Input shape: features [batch, height, width, channels], means and deviations [batch, 1, 1, channels].
    Output shape: [batch, height, width, channels].

    Example:
    >>> features, ones = keras.ops.ones([1, 8, 6, 3]), keras.ops.ones([1, 1, 1, 3])
    >>> AdaptiveInstanceNormalization()([features, ones, ones]).shape
    TensorShape([1, 8, 6, 3])
    """

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        return renormalize(*inputs)

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        return tuple(input_shape[0])
