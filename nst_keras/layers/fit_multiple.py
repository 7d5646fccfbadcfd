"""Sides made a multiple of a number, and back."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="nst_keras")
class PadToMultiple(keras.layers.Layer):
    """Mirrors pictures at their lower and right border until both sides are multiples of a number.

    Args:
        multiple: At least 1; sides must be at least as long.
        **kwargs: As for `keras.layers.Layer`.

    Input shape: [batch, height, width, channels].
    Output shape: the same with height and width rounded up.

    Example:
    >>> PadToMultiple(4)(keras.ops.ones([1, 5, 8, 3])).shape
    TensorShape([1, 8, 8, 3])
    """

    def __init__(self, multiple: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.multiple = multiple

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        height, width = tf.unstack(tf.shape(inputs)[1:3])
        rows, columns = -height % self.multiple, -width % self.multiple
        return tf.pad(inputs, [[0, 0], [0, rows], [0, columns], [0, 0]], mode="SYMMETRIC")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, height, width, channels = input_shape
        padded = [None if side is None else side + -side % self.multiple for side in (height, width)]
        return batch, *padded, channels

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "multiple": self.multiple}


@keras.saving.register_keras_serializable(package="nst_keras")
class CropLike(keras.layers.Layer):
    """Cuts pictures to the height and width of others, from the upper left corner.

    Input shape: [batch, height, width, channels] and [batch, smaller height, smaller width, any].
    Output shape: [batch, smaller height, smaller width, channels].

    Example:
    >>> CropLike()([keras.ops.ones([1, 8, 8, 3]), keras.ops.ones([1, 5, 8, 1])]).shape
    TensorShape([1, 5, 8, 3])
    """

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        images, like = inputs
        height, width = tf.unstack(tf.shape(like)[1:3])
        return images[:, :height, :width]

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        images, like = input_shape
        return images[0], *like[1:3], images[3]
