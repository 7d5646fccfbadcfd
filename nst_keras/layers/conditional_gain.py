"""A factor on each channel, for each style."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="nst_keras")
class ConditionalGain(keras.layers.Layer):
    """Multiplies channels by a blend of the styles' factors, which begin at 1.

    Args:
        num_styles: Rows of factors; at least 1.
        **kwargs: As for `keras.layers.Layer`.

    Input shape: features [batch, height, width, channels] and weights [batch, num_styles].
    Output shape: [batch, height, width, channels].

    Raises:
        ValueError: If `num_styles` isn't a positive integer.

    Example:
    >>> layer = ConditionalGain(2)
    >>> layer([keras.ops.ones([1, 8, 6, 3]), keras.ops.convert_to_tensor([[0.5, 0.5]])]).shape
    TensorShape([1, 8, 6, 3])
    """

    def __init__(self, num_styles: int = 1, **kwargs: Any) -> None:
        """Checks and stores the number of styles."""
        super().__init__(**kwargs)
        if not isinstance(num_styles, int) or num_styles < 1:
            raise ValueError(f"num_styles must be a positive integer. Received: num_styles={num_styles}")
        self.num_styles = num_styles

    def build(self, input_shape: list[tuple[int | None, ...]]) -> None:
        """Makes the factors, [num_styles, channels]."""
        shape = (self.num_styles, input_shape[0][-1])
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones")

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Multiplies."""
        features, weights = inputs
        return features * tf.matmul(weights, self.gamma)[:, None, None]

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """That of the features."""
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        """Settings to make the layer again."""
        return {**super().get_config(), "num_styles": self.num_styles}
