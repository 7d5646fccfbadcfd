"""What is compared of features, against NumPy."""

import numpy as np

from nst_keras.losses.moments import gram_matrix, mean_and_deviation


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
