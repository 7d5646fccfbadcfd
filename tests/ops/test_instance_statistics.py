"""Statistics of each channel of each picture, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.ops.instance_statistics import EPSILON, instance_statistics, renormalize


def _features(batch: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(3, 2, (batch, 5, 7, 4)).astype(np.float32)


def test_mean_and_deviation_of_each_channel_of_each_picture() -> None:
    features = _features(2)
    mean, deviation = (values.numpy() for values in instance_statistics(features))
    assert mean.shape == deviation.shape == (2, 1, 1, 4)
    np.testing.assert_allclose(mean[:, 0, 0], features.mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(deviation[:, 0, 0], features.std((1, 2)), rtol=1e-4)


def test_a_flat_picture_has_next_to_no_deviation() -> None:
    mean, deviation = instance_statistics(tf.fill([1, 3, 3, 2], 5.0))
    np.testing.assert_allclose(mean, np.full((1, 1, 1, 2), 5.0))
    np.testing.assert_allclose(deviation, np.full((1, 1, 1, 2), EPSILON**0.5), rtol=1e-5)


# One picture with one mean and deviation takes another way than all the others. Some features hardly deviate.
@pytest.mark.parametrize("scale", [1, 0.005])
@pytest.mark.parametrize("height", [1, 5])
@pytest.mark.parametrize(
    "batch,means,deviations", [(1, 1, 1), (3, 3, 3), (3, 1, 1), (3, 3, 1), (3, 1, 3), (1, 3, 1), (1, 1, 3)]
)
def test_another_mean_and_deviation(
    batch: int, means: int, deviations: int, height: int, scale: float
) -> None:
    features = _features(batch)[:, :height] * np.float32(scale)
    rng = np.random.default_rng(1)
    mean = rng.normal(0, 9, (means, 1, 1, 4)).astype(np.float32)
    deviation = rng.uniform(1, 5, (deviations, 1, 1, 4)).astype(np.float32)
    found = renormalize(tf.constant(features), tf.constant(mean), tf.constant(deviation)).numpy()
    normal = (features - features.mean((1, 2), keepdims=True)) / np.sqrt(
        features.var((1, 2), keepdims=True) + EPSILON
    )
    np.testing.assert_allclose(found, normal * deviation + mean, rtol=1e-3, atol=1e-3)


def test_one_picture_can_take_many_statistics() -> None:
    mean, deviation = instance_statistics(_features(3, seed=2))
    found = renormalize(tf.constant(_features(1)), mean, deviation)
    for number in range(3):
        own = (statistics[number : number + 1] for statistics in (mean, deviation))
        one = renormalize(tf.constant(_features(1)), *own)
        np.testing.assert_allclose(found[number], one[0], rtol=1e-3, atol=1e-4)


def test_a_flat_picture_becomes_its_new_mean() -> None:
    for batch in (1, 2):
        flat = tf.fill([batch, 3, 3, 2], 5.0)
        found = renormalize(flat, tf.fill([batch, 1, 1, 2], -2.0), tf.fill([batch, 1, 1, 2], 3.0))
        np.testing.assert_allclose(found, np.full((batch, 3, 3, 2), -2.0), atol=1e-4)


def test_bfloat16_stays_bfloat16() -> None:
    features = tf.cast(_features(1), tf.bfloat16)
    found = renormalize(features, *instance_statistics(features))
    assert found.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(found, tf.float32), tf.cast(features, tf.float32), atol=0.1)
