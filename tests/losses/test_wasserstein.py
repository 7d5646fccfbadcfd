"""The distance of Gaussians, against SciPy's matrix roots and central differences, in doubles."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf

from nst_keras.losses.moments import moments
from nst_keras.losses.wasserstein import wasserstein


def _features(seed: int, height: int = 5, width: int = 4, channels: int = 6) -> tf.Tensor:
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal((2, height, width, channels)) @ rng.standard_normal((channels, channels))
    return tf.constant(mixed + rng.standard_normal(channels))


def _expected(features: tf.Tensor, style: tf.Tensor) -> float:
    """By the textbook's formula."""
    distances = []
    for one, other in zip(features.numpy(), style.numpy(), strict=True):
        a, b = (picture.reshape(-1, picture.shape[-1]) for picture in (one, other))
        s, t = np.cov(a.T, bias=True), np.cov(b.T, bias=True)
        root = scipy.linalg.sqrtm(t)
        cross = np.trace(scipy.linalg.sqrtm(root @ s @ root)).real
        distance = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(s) + np.trace(t) - 2 * cross
        distances.append(distance / a.shape[1])
    return float(np.mean(distances))


# Many positions, fewer than channels, and as many.
SHAPES = pytest.mark.parametrize(("height", "width"), [(5, 4), (2, 2), (3, 2)])


@SHAPES
def test_distance_of_gaussians(height: int, width: int) -> None:
    features, style = _features(0, height, width), _features(1, 8, 8)
    found = wasserstein(features, moments(style), ridge=1e-12)
    assert float(found) == pytest.approx(_expected(features, style), rel=1e-5)
    floats = wasserstein(tf.cast(features, tf.float32), moments(tf.cast(style, tf.float32)))
    assert float(floats) == pytest.approx(_expected(features, style), rel=1e-2)


@SHAPES
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_is_that_of_central_differences(height: int, width: int, weighted: bool) -> None:
    features, target = _features(2, height, width), moments(_features(3, 8, 8))
    weights = tf.random.stateless_uniform([height, width], [1, 2], dtype=tf.float64) if weighted else None

    def distance(values: tf.Tensor) -> tf.Tensor:
        return wasserstein(values, target, relative=True, weights=weights)

    found = _gradient(distance, features)
    for direction in (
        tf.constant(np.random.default_rng(i).standard_normal(features.shape)) for i in range(5)
    ):
        step = 1e-5 * direction
        expected = float(distance(features + step) - distance(features - step)) / 2e-5
        assert np.sum(found * direction) == pytest.approx(expected, rel=1e-5)


def test_the_style_itself_is_no_distance_away_and_nothing_is_one_away() -> None:
    style = tf.cast(_features(4, 9, 9), tf.float32)
    itself = wasserstein(style, moments(style), relative=True)
    assert 0 <= float(itself) < 1e-3
    assert float(wasserstein(0 * style, moments(style), relative=True)) == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("size", [2, 16])
def test_flat_pictures_have_finite_gradients(size: int) -> None:
    # Sums of equal numbers are rounded, which must not look like variances without a root.
    values = np.random.default_rng(0).uniform(0, 3, 64).astype(np.float32)
    flat, black = tf.broadcast_to(values, [1, size, size, 64]), tf.zeros([1, size, size, 64])
    for style in (flat, black):
        for features in (flat, black):
            target = moments(style)
            gradient = _gradient(lambda values, to=target: wasserstein(values, to, relative=True), features)
            assert np.isfinite(gradient).all()


def _gradient(function: Callable[[tf.Tensor], tf.Tensor], at: tf.Tensor) -> np.ndarray:
    with tf.GradientTape() as tape:
        tape.watch(at)
        value = function(at)
    return np.asarray(tape.gradient(value, at))
