"""Losses of style: what each tells apart and what all have in common."""

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from nst_keras.losses import settings
from nst_keras.losses.settings import STYLE, LossSettings
from nst_keras.losses.styles import STYLE_LOSSES
from nst_keras.losses.terms import WeightedTerms, blended, stacked

ALL = pytest.mark.parametrize("name", settings.STYLE_LOSSES)


def _features(seed: int, size: int = 8) -> tf.Tensor:
    values = np.random.default_rng(seed).standard_normal((1, size, size, 5)) + 1
    return tf.constant(values, tf.float32)


def _distance(name: str, features: tf.Tensor, style: tf.Tensor) -> float:
    loss = STYLE_LOSSES[name]
    return float(loss.distance(features, loss.kept(style), relative=True))


def test_settings_know_every_loss() -> None:
    assert tuple(STYLE_LOSSES) == settings.STYLE_LOSSES


@ALL
def test_places_and_size_do_not_count_and_nothing_is_one_away(name: str) -> None:
    style = _features(0)
    moved = tf.tile(tf.roll(style, [2, 3], [1, 2]), [1, 2, 3, 1])
    assert _distance(name, moved, style) == pytest.approx(0, abs=1e-3)
    assert _distance(name, tf.zeros_like(style), style) == pytest.approx(1, abs=0.01)


@ALL
def test_all_but_gram_know_a_mean_from_a_contrast(name: str) -> None:
    bright = _features(1) + 1
    signs = np.random.default_rng(6).choice([-1.0, 1.0], [1, 8, 8, 1])
    contrasty = bright * tf.constant(signs, tf.float32)
    far = _distance(name, bright, contrasty)
    assert far == pytest.approx(0, abs=1e-6) if name == "gram" else far > 0.3


@ALL
def test_a_descent_arrives(name: str) -> None:
    loss, style = STYLE_LOSSES[name], _features(2)
    target = loss.kept(style)

    @tf.function
    def loss_and_gradient(features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(features)
            value = loss.distance(features, target, relative=True)
        return value, tape.gradient(value, features)

    def evaluate(flat: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = loss_and_gradient(tf.constant(flat.reshape(1, 6, 6, 5), tf.float32))
        return float(value), gradient.numpy().ravel().astype(np.float64)

    start = (2 * _features(3, 6)).numpy().ravel()
    done = scipy.optimize.minimize(evaluate, start, jac=True, method="L-BFGS-B", options={"maxiter": 40})
    assert done.fun < 0.02 * evaluate(start)[0]


@pytest.mark.parametrize(
    "name", [name for name in settings.STYLE_LOSSES if name != "mean_std"]
)  # there, deviations blend
def test_styles_blend_in_moments(name: str) -> None:
    terms = WeightedTerms(LossSettings(content_weight=0, tv_weight=0, style_layers={"a": 1}, style_loss=name))
    both = [_features(seed) * scale for seed, scale in ((4, 1.0), (5, 3.0))]
    targets = stacked([terms.targets(STYLE, {"a": features}) for features in both])
    shares = tf.constant([[0.5, 0.5]])
    whole = tf.concat(both, 1)  # as much of one as of the other
    value = terms(whole, {"a": whole}, blended(targets, shares))["style/a"]
    assert float(value) == pytest.approx(0, abs=0.1)


@ALL
def test_weights_of_positions_are_as_if_there_were_no_others(name: str) -> None:
    loss, style, features = STYLE_LOSSES[name], _features(7), _features(8)
    left = np.zeros([8, 8], np.float32)
    left[:, :4] = 1
    wanted = loss.distance(features[:, :, :4], loss.kept(style[:, :, :4]), relative=True)
    found = loss.distance(features, loss.kept(style, weights=left), relative=True, weights=left)
    assert float(found) == pytest.approx(float(wanted), rel=1e-3)
    everywhere = loss.distance(features, loss.kept(style), relative=True, weights=np.ones([8, 8], np.float32))
    assert float(everywhere) == pytest.approx(float(loss.distance(features, loss.kept(style), relative=True)))
