"""3x3 convolution by F(4x4, 3x3) (Lavin & Gray 2015, arXiv:1509.09308), for frozen filters on CPUs.

Four output rows and columns cost 36 multiplications a channel pair instead of 144. The three
steps are matrix products, which a CPU runs near its peak: both tile transforms as one Kronecker
product each (B (x) B and A (x) A; this is where we leave the paper, which applies them from left and
right), and 36 products of [tiles, in] by [in, out] between them. The gradient to the input is the
same convolution with the filters turned by 180 degrees and their channels swapped.
"""

import functools
from typing import Any

import numpy as np
import tensorflow as tf

_GRADIENT = "NstKerasWinogradConv2D"  # its name in TensorFlow's registry of gradients

TILE = 4  # output pixels of a tile along an axis; a tile reads TILE + 2 input pixels

_B = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_G = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
_A = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])

_INPUT_TRANSFORM = np.kron(_B, _B).astype(np.float32)  # [36, 36]
_OUTPUT_TRANSFORM = np.kron(_A, _A).astype(np.float32)  # [16, 36]
_FILTER_TRANSFORM = np.kron(_G, _G)  # [36, 9], float64: done once, so exactness is free


def transform_filters(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Takes filters, float32 [3, 3, in, out], to the Winograd domain.

    Returns float32 [36, in, out] for the convolution, and [36, out, in] for its input gradient.
    """
    if kernel.ndim != 4 or kernel.shape[:2] != (3, 3):
        raise ValueError(f"kernel must have the shape [3, 3, in, out]. Received: {kernel.shape}")
    turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
    return _transform(kernel), _transform(turned)


def winograd_conv2d(images: tf.Tensor, filters: tf.Tensor, turned_filters: tf.Tensor) -> tf.Tensor:
    """Convolves pictures [batch, height, width, in] with stride 1 and "same" zero padding.

    Takes both results of `transform_filters`, and is differentiable in `images` alone. What comes out,
    [batch, height, width, out], is within 1e-4 of the largest value of a direct convolution.
    """
    if tf.executing_eagerly():
        return _with_gradient(images, filters, turned_filters)
    outputs = _traced(*filters.shape[1:])(images, filters, turned_filters)
    outputs.set_shape([*images.shape[:3], filters.shape[2]])
    return outputs


@tf.custom_gradient
def _with_gradient(images: tf.Tensor, filters: tf.Tensor, turned_filters: tf.Tensor):  # type: ignore[no-untyped-def]
    return _convolve(images, filters), lambda upstream: (_convolve(upstream, turned_filters), None, None)


@functools.cache
def _traced(channels_in: int, channels_out: int) -> Any:
    """One graph for all layers and networks of these channels: a loss network has dozens of calls.

    tf.custom_gradient would register a function for each call, which keeps the caller's graph for ever. A
    gradient that is registered once is found by a function's own differentiation, but not by a tape that
    watches the operation itself.
    """
    images = tf.TensorSpec([None, None, None, channels_in])
    filters = tf.TensorSpec([(TILE + 2) ** 2, channels_in, channels_out])
    turned = tf.TensorSpec([(TILE + 2) ** 2, channels_out, channels_in])
    return tf.function(_with_named_gradient, input_signature=[images, filters, turned], autograph=False)


def _with_named_gradient(images: tf.Tensor, filters: tf.Tensor, turned_filters: tf.Tensor) -> tf.Tensor:
    with tf.compat.v1.get_default_graph().gradient_override_map({"IdentityN": _GRADIENT}):
        return tf.identity_n([_convolve(images, filters), images, turned_filters])[0]


@tf.RegisterGradient(_GRADIENT)
def _gradient(op: tf.Operation, upstream: tf.Tensor, *_: tf.Tensor | None) -> list[tf.Tensor | None]:
    return [None, _convolve(upstream, op.inputs[2]), None]


def _transform(kernel: np.ndarray) -> np.ndarray:
    taps = kernel.reshape(9, -1).astype(np.float64)
    return (_FILTER_TRANSFORM @ taps).astype(np.float32).reshape(36, *kernel.shape[2:])


def _convolve(images: tf.Tensor, filters: tf.Tensor) -> tf.Tensor:
    batch, height, width, _ = _dimensions(images)
    rows, columns = -(-height // TILE), -(-width // TILE)
    tiles = _tiles(images, rows, columns)  # [36, batch * rows * columns * in]
    channels_in, channels_out = filters.shape[1:]
    spectrum = tf.reshape(tf.matmul(_INPUT_TRANSFORM, tiles), [36, -1, channels_in])
    products = tf.reshape(tf.matmul(spectrum, filters), [36, -1])
    outputs = tf.reshape(
        tf.matmul(_OUTPUT_TRANSFORM, products), [TILE, TILE, batch, rows, columns, channels_out]
    )
    outputs = tf.reshape(
        tf.transpose(outputs, [2, 3, 0, 4, 1, 5]), [batch, TILE * rows, TILE * columns, channels_out]
    )[:, :height, :width]
    outputs.set_shape([*images.shape[:3], channels_out])
    return outputs


def _tiles(images: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
    """Cuts overlapping 6x6 tiles; one transpose, then slices that keep channels contiguous."""
    batch, height, width, channels = _dimensions(images)
    bottom, right = TILE * (rows + 1) - 1 - height, TILE * (columns + 1) - 1 - width
    padded = tf.pad(images, [[0, 0], [1, bottom], [1, right], [0, 0]])
    blocks = tf.reshape(padded, [batch, rows + 1, TILE, columns + 1, TILE, channels])
    blocks = tf.transpose(blocks, [2, 4, 0, 1, 3, 5])  # [4, 4, batch, rows + 1, columns + 1, in]
    # Lines 4 and 5 of a tile are lines 0 and 1 of the next block.
    lines = tf.concat([blocks[:, :, :, :rows], blocks[:2, :, :, 1:]], axis=0)
    tiles = tf.concat([lines[:, :, :, :, :columns], lines[:, :2, :, :, 1:]], axis=1)
    return tf.reshape(tiles, [36, -1])


def _dimensions(tensor: tf.Tensor) -> list[int | tf.Tensor]:
    """The static size of each axis where it is known, else the size at run time."""
    dynamic = tf.shape(tensor)
    return [dynamic[i] if size is None else size for i, size in enumerate(tensor.shape)]
