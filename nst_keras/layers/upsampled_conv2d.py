"""Nearest-neighbour upsampling and a convolution in one."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable(package="nst_keras")
class UpsampledConv2D(keras.layers.Layer):
    """Doubles height and width by nearest neighbours, mirrors the border, and convolves.

    That leaves no checkerboard as a transposed convolution does (Odena et al. 2016). The doubled picture is
    never made: each of the four pixels that come of one sees the small picture through a filter of its own,
    whose taps are sums of the kernel's (Shi et al. 2016, arXiv:1609.07009, turned round). A 9x9 kernel takes
    100 products instead of 324 a channel pair.

    Args:
        filters: Number of output channels.
        kernel_size: Height and width of the kernel, on the doubled picture; odd.
        **kwargs: As for `keras.layers.Layer`.

    Input shape: [batch, height, width, channels]; sides at least as long as the border, a quarter of the
    kernel's.
    Output shape: [batch, 2 * height, 2 * width, filters].

    Raises:
        ValueError: If a number isn't a positive integer, or the kernel's side is even.

    Example:
    >>> UpsampledConv2D(4, 3)(keras.ops.ones([1, 5, 8, 2])).shape
    TensorShape([1, 10, 16, 4])
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(filters, int) or filters < 1:
            raise ValueError(f"filters must be a positive integer. Received: filters={filters}")
        if not isinstance(kernel_size, int) or kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd and positive. Received: kernel_size={kernel_size}")
        self.filters, self.kernel_size = filters, kernel_size
        self._border = (kernel_size // 2 + 1) // 2

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (self.kernel_size, self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Convolves the small picture, and deals the results out."""
        border = [self._border, self._border]
        padded = tf.pad(inputs, [[0, 0], border, border, [0, 0]], mode="SYMMETRIC")
        return tf.nn.depth_to_space(tf.nn.conv2d(padded, self.folded(), 1, "VALID"), 2)

    def folded(self) -> tf.Tensor:
        """The four filters side by side, [taps, taps, channels, 4 * filters]; taps reach `taps // 2` far."""
        side = 2 * self._border + 1
        # Which tap of the kernel falls on which of the small picture, for the first and the second pixel.
        sums = np.zeros([2, side, self.kernel_size])
        for pixel in range(2):
            for tap in range(self.kernel_size):
                sums[pixel, (pixel + tap - self.kernel_size // 2) // 2 + self._border, tap] = 1
        taps, kernel = (tf.cast(numbers, self.compute_dtype) for numbers in (sums, self.kernel))
        folded = tf.einsum("plk,qmj,kjio->lmipqo", taps, taps, kernel)
        return tf.reshape(folded, [side, side, -1, 4 * self.filters])

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, height, width, _ = input_shape
        return batch, *(side and 2 * side for side in (height, width)), self.filters

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters, "kernel_size": self.kernel_size}
