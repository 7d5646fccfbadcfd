"""Distances, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.losses.distances import color_total_variation, mean_squared_difference, total_variation


def test_relative_difference_is_one_for_nothing_and_free_of_scale() -> None:
    target = np.random.default_rng(2).standard_normal((2, 3, 3)).astype(np.float32) * 40
    assert float(mean_squared_difference(0 * target, target, relative=True)) == pytest.approx(1)
    small = mean_squared_difference(target * 1.1, target, relative=True)
    large = mean_squared_difference(target * 110, target * 100, relative=True)
    assert float(small) == pytest.approx(0.01, rel=1e-3) == float(large)


def test_relative_difference_to_a_black_picture_is_finite() -> None:
    assert np.isfinite(mean_squared_difference(np.ones(3, "f"), np.zeros(3, "f"), relative=True))


def test_each_picture_of_a_batch_is_relative_to_its_own_target() -> None:
    targets = np.array([[1, 1], [100, 100]], np.float32)
    values = np.array([[2, 2], [100, 100]], np.float32)  # as far as nothing, and equal
    assert float(mean_squared_difference(values, targets, relative=True)) == pytest.approx(0.5)
    assert float(mean_squared_difference(values, targets)) == pytest.approx(0.5)
    assert float(mean_squared_difference(values, 2 * targets[:1])) == pytest.approx(98**2 / 2)


def test_total_variation_by_hand() -> None:
    # Columns 0, 3: one horizontal difference of 3 in each row; no vertical one.
    image = tf.constant([[[[0.0], [3.0]], [[0.0], [3.0]]]])
    assert float(total_variation(image)) == pytest.approx(9.0)
    assert float(total_variation(tf.transpose(image, [0, 2, 1, 3]))) == pytest.approx(9.0)


def test_color_total_variation_sees_colour_alone() -> None:
    rng = np.random.default_rng(0)
    gray = tf.constant(np.repeat(rng.uniform(0, 255, [1, 6, 8, 1]), 3, -1), tf.float32)
    assert float(color_total_variation(gray)) == pytest.approx(0, abs=1e-6)
    tint = tf.constant([40.0, -20.0, 7.0])
    checks = tf.constant((np.indices((6, 8)).sum(0) % 2)[None, ..., None], tf.float32) * tint
    chroma = tint - tf.reduce_sum(tint * [0.299, 0.587, 0.114])
    by_hand = 2 * float(tf.reduce_mean(tf.square(chroma)))
    assert float(color_total_variation(gray + checks)) == pytest.approx(by_hand, rel=1e-4)
