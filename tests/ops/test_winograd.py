"""Winograd convolution against TensorFlow's own."""

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.ops.winograd import transform_filters, winograd_conv2d


def _random(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("height,width", [(4, 4), (1, 1), (5, 7), (12, 9), (16, 22)])
def test_equals_direct_convolution_and_its_gradient(height: int, width: int) -> None:
    images, kernel = _random(2, height, width, 6), _random(3, 3, 6, 5)
    upstream = _random(2, height, width, 5)
    filters = tuple(map(tf.constant, transform_filters(kernel)))
    results = []
    for convolve in (
        lambda x: winograd_conv2d(x, *filters),
        lambda x: tf.nn.conv2d(x, kernel, 1, "SAME"),
    ):
        x = tf.constant(images)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = convolve(x)
        results.append((y.numpy(), tape.gradient(y, x, tf.constant(upstream)).numpy()))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


def test_unknown_size_in_a_graph() -> None:
    kernel = _random(3, 3, 4, 4)
    filters = tuple(map(tf.constant, transform_filters(kernel)))
    convolve = tf.function(
        lambda x: winograd_conv2d(x, *filters),
        input_signature=[tf.TensorSpec([None, None, None, 4])],
    )
    for size in (6, 11):
        images = _random(1, size, size + 1, 4)
        expected = tf.nn.conv2d(images, kernel, 1, "SAME")
        np.testing.assert_allclose(convolve(images), expected, atol=1e-4)


def test_a_traced_gradient_equals_the_eager_one_and_keeps_no_graph() -> None:
    kernel, images = _random(3, 3, 4, 4), tf.constant(_random(1, 9, 10, 4))
    filters = tuple(map(tf.constant, transform_filters(kernel)))

    def gradient(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch([x, *filters])
            loss = tf.reduce_sum(winograd_conv2d(x, *filters) ** 2)
        for_images, *for_filters = tape.gradient(loss, [x, *filters], unconnected_gradients="zero")
        # TensorFlow's own would be the same for images and go to filters, too, and take half as long again.
        tf.debugging.assert_equal(tf.add_n([tf.reduce_max(tf.abs(each)) for each in for_filters]), 0.0)
        return for_images

    traced = tf.function(gradient).get_concrete_function(tf.TensorSpec([1, None, None, 4]))
    np.testing.assert_allclose(traced(images), gradient(images), rtol=1e-4, atol=1e-3)
    graph = weakref.ref(traced.graph)
    del traced
    gc.collect()
    assert graph() is None


def test_other_kernel_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\[3, 3, in, out\].*5, 5"):
        transform_filters(_random(5, 5, 2, 2))
