"""Layers with numbers for each style, of which they take a blend."""

from typing import Any

import keras
import tensorflow as tf

from nst_keras.ops.instance_statistics import renormalize


class ConditionalLayer(keras.layers.Layer):
    """A layer whose `gamma` has a row of factors, one for each channel, for each style.

    Args:
        num_styles: Rows; at least 1.
        scale: What the factors begin with.
        **kwargs: As for `keras.layers.Layer`.

    Input shape: features [batch, height, width, channels] and weights of styles [batch, num_styles].
    Output shape: [batch, height, width, channels].

    Raises:
        ValueError: If `num_styles` isn't a positive integer.
    """

    def __init__(self, num_styles: int = 1, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(num_styles, int) or num_styles < 1:
            raise ValueError(f"num_styles must be a positive integer. Received: num_styles={num_styles}")
        self.num_styles, self.scale = num_styles, scale

    def build(self, input_shape: list[tuple[int | None, ...]]) -> None:
        shape = (self.num_styles, input_shape[0][-1])
        constant = keras.initializers.Constant(self.scale)
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer=constant)

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_styles": self.num_styles, "scale": self.scale}


@keras.saving.register_keras_serializable(package="nst_keras")
class ConditionalGain(ConditionalLayer):
    """Multiplies channels by a blend of the styles' factors; arguments and shapes as in `ConditionalLayer`.

    Example:
    >>> layer = ConditionalGain(2)
    >>> layer([keras.ops.ones([1, 8, 6, 3]), keras.ops.convert_to_tensor([[0.5, 0.5]])]).shape
    TensorShape([1, 8, 6, 3])
    """

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        features, weights = inputs
        return features * tf.matmul(weights, self.gamma)[:, None, None]


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
        super().build(input_shape)
        self.beta = self.add_weight(name="beta", shape=self.gamma.shape, initializer="zeros")

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        features, weights = inputs
        mean, deviation = (tf.matmul(weights, rows)[:, None, None] for rows in (self.beta, self.gamma))
        return renormalize(features, mean, deviation)
