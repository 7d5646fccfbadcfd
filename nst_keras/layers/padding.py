"""Padding that goes on with what is at the border."""

from typing import Any

import keras
import tensorflow as tf


class BorderPadding2D(keras.layers.Layer):
    """What layers share that add rows and columns on each side.

    Args:
        padding: How many; at least 1.
        **kwargs: As for `keras.layers.Layer`.

    Input shape: [batch, height, width, channels].
    Output shape: [batch, height + 2 * padding, width + 2 * padding, channels].

    Raises:
        ValueError: If `padding` isn't a positive integer.
    """

    def __init__(self, padding: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(padding, int) or padding < 1:
            raise ValueError(f"padding must be a positive integer. Received: padding={padding}")
        self.padding = padding

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        grown = [None if side is None else side + 2 * self.padding for side in (height, width)]
        return batch, *grown, channels

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "padding": self.padding}


@keras.saving.register_keras_serializable(package="nst_keras")
class ReflectionPadding2D(BorderPadding2D):
    """Mirrors rows and columns at the border, without the outermost ones; `padding` is below their number.

    Example:
    >>> keras.ops.squeeze(ReflectionPadding2D()(keras.ops.reshape([1.0, 2.0, 3.0, 4.0], [1, 2, 2, 1])))[0]
    <tf.Tensor: shape=(4,), dtype=float32, numpy=array([4., 3., 4., 3.], dtype=float32)>
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        border = [self.padding, self.padding]
        return tf.pad(inputs, [[0, 0], border, border, [0, 0]], mode="REFLECT")


@keras.saving.register_keras_serializable(package="nst_keras")
class ReplicationPadding2D(BorderPadding2D):
    """Repeats the outermost rows and columns, so that a convolution sees no edge at the border.

    Example:
    >>> keras.ops.squeeze(ReplicationPadding2D()(keras.ops.reshape([1.0, 2.0], [1, 1, 2, 1])))[0]
    <tf.Tensor: shape=(4,), dtype=float32, numpy=array([1., 1., 2., 2.], dtype=float32)>
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Pads one line at a time: TensorFlow has no padding mode that repeats."""
        outputs = inputs
        for _ in range(self.padding):
            outputs = tf.pad(outputs, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="SYMMETRIC")
        return outputs
