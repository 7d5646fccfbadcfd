"""Upsampling and convolution in one: equal to both, one after the other."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nst_keras.layers.upsampled_conv2d import UpsampledConv2D


def _one_after_the_other(images: np.ndarray, kernel: Any) -> tf.Tensor:
    border = kernel.shape[0] // 2
    doubled = images.repeat(2, axis=1).repeat(2, axis=2)
    padded = np.pad(doubled, [(0, 0), (border, border), (border, border), (0, 0)], mode="symmetric")
    return tf.nn.conv2d(padded, kernel, 1, "VALID")


@pytest.mark.parametrize("kernel_size,height,width", [(1, 1, 1), (3, 1, 6), (5, 7, 4), (7, 5, 2), (9, 8, 11)])
def test_the_same_as_one_after_the_other(kernel_size: int, height: int, width: int) -> None:
    images = np.random.default_rng(0).standard_normal((2, height, width, 3)).astype(np.float32)
    layer = UpsampledConv2D(4, kernel_size)
    outputs = layer(images)
    expected = _one_after_the_other(images, layer.kernel.value)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert layer.compute_output_shape(images.shape) == outputs.shape


def test_trains_the_same() -> None:
    images = np.random.default_rng(0).standard_normal((2, 6, 5, 3)).astype(np.float32)
    layer = UpsampledConv2D(2, 5)
    layer.build(images.shape)
    with tf.GradientTape(persistent=True) as tape:
        kernel = layer.kernel.value
        tape.watch(kernel)
        losses = [
            tf.reduce_sum(tf.sin(outputs))
            for outputs in (layer(images), _one_after_the_other(images, kernel))
        ]
    found = tape.gradient(losses[0], layer.trainable_variables)[0]
    np.testing.assert_allclose(found, tape.gradient(losses[1], kernel), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("dtype", "computed", "off"), [("float64", "float64", 1e-12), ("mixed_bfloat16", "bfloat16", 0.05)]
)
def test_other_precisions(dtype: str, computed: str, off: float) -> None:
    images = np.random.default_rng(0).standard_normal((1, 6, 5, 3))
    layer = UpsampledConv2D(2, 5, dtype=dtype)
    outputs = layer(images)
    assert outputs.dtype == computed
    expected = _one_after_the_other(images, tf.cast(layer.kernel, "float64"))
    np.testing.assert_allclose(tf.cast(outputs, "float64"), expected, atol=off)


def test_survives_saving_and_unknown_sides() -> None:
    layer = UpsampledConv2D(2, 5, name="up")
    saved = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert (saved.filters, saved.kernel_size, saved.name) == (2, 5, "up")
    assert layer.compute_output_shape((None, None, 6, 3)) == (None, None, 12, 2)


@pytest.mark.parametrize(
    "filters,kernel_size,expected",
    [(0, 3, "filters=0"), (2.5, 3, "filters=2.5"), (2, 4, "kernel_size=4"), (2, -1, "kernel_size=-1")],
)
def test_impossible_settings(filters: Any, kernel_size: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=f"Received: {expected}"):
        UpsampledConv2D(filters, kernel_size)
