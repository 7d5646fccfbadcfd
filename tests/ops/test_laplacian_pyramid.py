"""Bands of a picture: they add up to it, and gradients go through them."""

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.ops.laplacian_pyramid import band_gradients, join_bands, split_bands


@pytest.mark.parametrize("height,width", [(16, 16), (17, 31), (33, 16), (64, 48), (61, 127)])
def test_bands_add_up_to_the_picture(height: int, width: int) -> None:
    image = tf.constant(np.random.default_rng(0).uniform(0, 255, (1, height, width, 3)), tf.float32)
    bands = split_bands(image)
    np.testing.assert_allclose(join_bands(bands), image, atol=1e-4)
    sizes = np.array([band.shape[1:3] for band in bands])
    np.testing.assert_array_equal(sizes[0], [height, width])
    np.testing.assert_array_equal(sizes[1:], (sizes[:-1] + 1) // 2)
    assert sizes.min() in (2, 3)


def test_a_band_holds_what_is_as_large_as_it_resolves() -> None:
    row = np.arange(64, dtype=np.float32)
    checks, ramp = (np.indices((64, 64)).sum(0) % 2)[None, ..., None], np.tile(row, (64, 1))[None, ..., None]
    fine, *coarse = split_bands(tf.constant(100 * checks, tf.float32))
    assert np.abs(fine).mean() == pytest.approx(50, abs=1)
    assert all(np.abs(band).max() < 1e-3 for band in coarse[:-1])
    fine = split_bands(tf.constant(ramp, tf.float32))[0].numpy()
    assert np.abs(fine[:, 2:-2, 2:-2]).max() < 1e-3


def test_gradients_of_bands_equal_central_differences() -> None:
    rng = np.random.default_rng(1)
    gradient = tf.constant(rng.standard_normal((1, 19, 16, 3)), tf.float32)
    bands = split_bands(tf.constant(rng.standard_normal((1, 19, 16, 3)), tf.float32))
    for number, slope in enumerate(band_gradients(bands, gradient)):
        move = tf.constant(rng.standard_normal(bands[number].shape), tf.float32)
        moved = [band + move if number == at else band for at, band in enumerate(bands)]
        change = tf.reduce_sum(gradient * (join_bands(moved) - join_bands(bands)))
        assert float(tf.reduce_sum(slope * move)) == pytest.approx(float(change), rel=1e-3, abs=1e-3)
