"""Gram matrices and distances, against NumPy."""

import numpy as np
import pytest

from nst_keras.losses.gram import gram_matrix, mean_squared_difference


def test_gram_matrix_is_the_mean_outer_product_by_channels() -> None:
    features = np.random.default_rng(0).standard_normal((2, 3, 5, 4)).astype(np.float32)
    expected = np.einsum("bhwc,bhwd->bcd", features, features) / (3 * 5 * 4)
    np.testing.assert_allclose(gram_matrix(features), expected, rtol=1e-5)


def test_gram_matrix_does_not_depend_on_the_picture_size() -> None:
    tile = np.random.default_rng(1).standard_normal((1, 4, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(gram_matrix(tile), gram_matrix(np.tile(tile, (1, 3, 5, 1))), rtol=1e-5)


def test_relative_difference_is_one_for_nothing_and_free_of_scale() -> None:
    target = np.random.default_rng(2).standard_normal((2, 3, 3)).astype(np.float32) * 40
    assert float(mean_squared_difference(0 * target, target, relative=True)) == pytest.approx(1)
    small = mean_squared_difference(target * 1.1, target, relative=True)
    large = mean_squared_difference(target * 110, target * 100, relative=True)
    assert float(small) == pytest.approx(0.01, rel=1e-3) == float(large)


def test_relative_difference_to_a_black_picture_is_finite() -> None:
    assert np.isfinite(mean_squared_difference(np.ones(3, "f"), np.zeros(3, "f"), relative=True))
