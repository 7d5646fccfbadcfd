"""Content and style losses, against NumPy and the papers' formulas."""

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.losses.content import content_loss
from nst_keras.losses.gram import gram_matrix
from nst_keras.losses.style import blend_targets, style_loss


def _features(seed: int, size: int = 6, channels: int = 5) -> tf.Tensor:
    values = np.random.default_rng(seed).standard_normal((1, size, size, channels))
    return tf.constant(values, tf.float32)


def test_content_loss_is_the_mean_squared_difference() -> None:
    a, b = _features(0), _features(1)
    assert float(content_loss(a, b)) == pytest.approx(np.mean((a - b) ** 2), rel=1e-5)
    assert float(content_loss(a, a)) == 0


def test_style_loss_is_gatys_equation_4_times_4_over_channels_squared() -> None:
    a, b = _features(0), _features(1)
    channels, positions = 5, 36
    grams = [np.einsum("bhwc,bhwd->cd", f, f) for f in (a, b)]
    gatys = np.sum((grams[0] - grams[1]) ** 2) / (4 * channels**2 * positions**2)
    ours = float(style_loss(a, gram_matrix(b)))
    assert ours == pytest.approx(gatys * 4 / channels**2, rel=1e-4)


def test_style_loss_ignores_where_things_are() -> None:
    features = _features(0)
    moved = tf.roll(features, shift=[2, 3], axis=[1, 2])
    assert float(style_loss(moved, gram_matrix(features))) == pytest.approx(0, abs=1e-10)
    assert float(content_loss(moved, features)) > 0.5


def test_a_blend_pulls_like_the_weighted_sum_of_the_styles() -> None:
    targets, weights = [gram_matrix(_features(1)), gram_matrix(_features(2))], [0.25, 0.75]
    features = _features(0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(features)
        blended = style_loss(features, blend_targets(targets, weights))
        summed = tf.add_n([w * style_loss(features, t) for w, t in zip(weights, targets, strict=True)])
    np.testing.assert_allclose(tape.gradient(blended, features), tape.gradient(summed, features), atol=1e-6)
