"""A factor on each channel, for each style."""

import keras
import tensorflow as tf

from nst_keras.layers.conditional_layer import ConditionalLayer


@keras.saving.register_keras_serializable(package="nst_keras")
class ConditionalGain(ConditionalLayer):
    """Multiplies channels by a blend of the styles' factors; arguments and shapes as in `ConditionalLayer`.

    Example:
    >>> layer = ConditionalGain(2)
    >>> layer([keras.ops.ones([1, 8, 6, 3]), keras.ops.convert_to_tensor([[0.5, 0.5]])]).shape
    TensorShape([1, 8, 6, 3])
    """

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Multiplies."""
        features, weights = inputs
        return features * tf.matmul(weights, self.gamma)[:, None, None]
