"""What is compared of features, against NumPy."""

import numpy as np
import tensorflow as tf

from nst_keras.losses.moments import combined, gram_matrix, mean_and_deviation, moments


def test_gram_matrix_is_the_mean_outer_product_by_channels() -> None:
    features = np.random.default_rng(0).standard_normal((2, 3, 5, 4)).astype(np.float32)
    expected = np.einsum("bhwc,bhwd->bcd", features, features) / (3 * 5 * 4)
    np.testing.assert_allclose(gram_matrix(features), expected, rtol=1e-5)


def test_gram_matrix_does_not_depend_on_the_picture_size() -> None:
    tile = np.random.default_rng(1).standard_normal((1, 4, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(gram_matrix(tile), gram_matrix(np.tile(tile, (1, 3, 5, 1))), rtol=1e-5)


def test_means_and_deviations_of_each_picture_lie_side_by_side() -> None:
    features = np.random.default_rng(2).standard_normal((2, 3, 5, 4)).astype(np.float32) + 1
    expected = np.concatenate([features.mean((1, 2)), features.std((1, 2))], -1)[:, None, None]
    np.testing.assert_allclose(mean_and_deviation(features), expected, rtol=1e-4)


def test_moments_are_numpys() -> None:
    features = np.random.default_rng(3).standard_normal((2, 6, 5, 4)).astype(np.float32) + 2
    found = moments(tf.constant(features))
    for index, flat in enumerate(features.reshape(2, -1, 4)):
        np.testing.assert_allclose(found.mean[index], flat.mean(0), rtol=1e-4)
        np.testing.assert_allclose(found.covariance()[index], np.cov(flat.T, bias=True), atol=1e-4)
        np.testing.assert_allclose(found.deviation()[index], flat.std(0), rtol=1e-4)


def test_moments_of_tiles_combine_to_the_whole_pictures() -> None:
    features = tf.constant(np.random.default_rng(4).standard_normal((1, 7, 6, 3)), tf.float32)
    tiles = [moments(tile) for tile in (features[:, :3], features[:, 3:, :2], features[:, 3:, 2:])]
    for found, expected in zip(combined(tiles), moments(features), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_positions_count_by_their_weights() -> None:
    features = tf.constant(np.random.default_rng(5).standard_normal((1, 5, 6, 3)), tf.float32)
    mask = np.zeros((5, 6), np.float32)
    mask[1:4, 2:] = 0.5
    for found, expected in zip(
        (*moments(features, tf.constant(mask))[1:], gram_matrix(features, tf.constant(mask))),
        (*moments(features[:, 1:4, 2:])[1:], gram_matrix(features[:, 1:4, 2:])),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
