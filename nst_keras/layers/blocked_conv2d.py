"""A convolution with a large kernel and few channels, computed on blocks of pixels."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable(package="nst_keras")
class BlockedConv2D(keras.layers.Layer):
    """Convolves without padding, with stride 1, as `keras.layers.Conv2D` does, but on blocks of pixels.

    A square of pixels is laid into the channels of one (Shi et al. 2016, arXiv:1609.07009), and a small
    kernel makes all pixels of a square at once. That takes more products than the kernel itself, zeros among
    them, but matrices are wide enough for a CPU's vectors: 8 channels to 3 by 9x9 take a fifth of the time.

    Args:
        filters: Number of output channels.
        kernel_size: Height and width of the kernel, one more than a multiple of `block`.
        block: Side of the squares.
        use_bias: Whether a number is added to each output channel.
        **kwargs: As for `keras.layers.Layer`.

    Input shape: [batch, height, width, channels], sides multiples of `block`, at least `kernel_size`.
    Output shape: [batch, height - kernel_size + 1, width - kernel_size + 1, filters].

    Raises:
        ValueError: If the kernel's side doesn't fit the block's.

    Example:
    >>> BlockedConv2D(4, 9)(keras.ops.ones([1, 16, 24, 2])).shape
    TensorShape([1, 8, 16, 4])
    """

    def __init__(
        self, filters: int, kernel_size: int, block: int = 4, use_bias: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if kernel_size % block != 1:
            raise ValueError(
                "kernel_size must be one more than a multiple of block. "
                f"Received: kernel_size={kernel_size}, block={block}"
            )
        self.filters, self.kernel_size, self.block, self.use_bias = filters, kernel_size, block, use_bias
        self.strides = (1, 1)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (self.kernel_size, self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform")
        self.bias = (
            self.add_weight(name="bias", shape=shape[-1:], initializer="zeros") if self.use_bias else 0.0
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        blocks = tf.nn.space_to_depth(inputs, self.block)
        outputs = tf.nn.depth_to_space(tf.nn.conv2d(blocks, self._folded(), 1, "VALID"), self.block)
        return outputs + self.bias

    def _folded(self) -> tf.Tensor:
        """The kernel on blocks, [taps, taps, block² * channels, block² * filters]."""
        taps = 1 + (self.kernel_size - 1) // self.block
        # Which tap of the kernel lies between an input pixel, in a block, and an output pixel.
        ones = np.zeros([self.block, taps, self.block, self.kernel_size])
        for output in range(self.block):
            for tap in range(self.kernel_size):
                ones[output, (output + tap) // self.block, (output + tap) % self.block, tap] = 1
        between, kernel = (tf.cast(numbers, self.compute_dtype) for numbers in (ones, self.kernel))
        folded = tf.einsum("plit,qmju,tuco->lmijcpqo", between, between, kernel)
        square = self.block**2
        return tf.reshape(folded, [taps, taps, square * self.kernel.shape[2], square * self.filters])

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, height, width, _ = input_shape
        return batch, *(side and side - self.kernel_size + 1 for side in (height, width)), self.filters

    def get_config(self) -> dict[str, Any]:
        config = {name: getattr(self, name) for name in ("filters", "kernel_size", "block", "use_bias")}
        return {**super().get_config(), **config}
