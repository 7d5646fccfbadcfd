"""Instance normalisation with a scale and an offset for each style."""

import keras
import tensorflow as tf

from nst_keras.layers.conditional_layer import ConditionalLayer
from nst_keras.ops.instance_statistics import renormalize


@keras.saving.register_keras_serializable(package="nst_keras")
class ConditionalInstanceNormalization(ConditionalLayer):
    """Normalises each picture's channels and gives them the mean and deviation of a blend of styles.

    Dumoulin et al. 2017 (arXiv:1610.07629, eq. 5), with weights instead of the number of one style: the
    scale is `weights @ gamma`, the offset `weights @ beta`. With one style and the weight 1 it is instance
    normalisation (Ulyanov et al. 2016, arXiv:1607.08022). Arguments and shapes are as in `ConditionalLayer`.

    Example:
    >>> layer = ConditionalInstanceNormalization(2)
    >>> layer([keras.ops.ones([1, 8, 6, 3]), keras.ops.convert_to_tensor([[0.5, 0.5]])]).shape
    TensorShape([1, 8, 6, 3])
    """

    def build(self, input_shape: list[tuple[int | None, ...]]) -> None:
        """Makes scale and offset, [num_styles, channels]."""
        super().build(input_shape)
        self.beta = self.add_weight(name="beta", shape=self.gamma.shape, initializer="zeros")

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Normalises over positions."""
        features, weights = inputs
        mean, deviation = (tf.matmul(weights, rows)[:, None, None] for rows in (self.beta, self.gamma))
        return renormalize(features, mean, deviation)
