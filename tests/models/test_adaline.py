"""The Keras ADALINE beside the estimators, and as a Keras model."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from nst_keras import estimators
from nst_keras.errors import InputError
from nst_keras.models.adaline import Adaline

Digits = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def digits() -> Digits:
    """600 pictures float64 [n, 64] of 0..1, and labels int64 [n]."""
    x, y = load_digits(return_X_y=True)
    return x[:600] / 16, y[:600]


def test_samples_equal_the_stochastic_estimator(digits: Digits) -> None:
    x, y = digits
    model = Adaline(10, 0.01, normalized=False, scale=1.0, dtype="float64")
    update = tf.function(model.update, reduce_retracing=True)
    batches = [slice(start, start + 256) for start in range(0, len(x), 256)]
    for epoch in (1, 2):
        costs = [float(update(x[rows], y[rows])) * len(x[rows]) for rows in batches]
        expected = estimators.AdalineSGD(eta=0.01, n_iter=epoch, shuffle=False).fit(x, y)
        assert sum(costs) / len(x) == pytest.approx(expected.cost_[-1])
        np.testing.assert_allclose(model.kernel, expected.coef_.T, rtol=0, atol=1e-12)
        np.testing.assert_allclose(model.bias, expected.intercept_, rtol=0, atol=1e-12)


def test_batches_equal_the_batch_estimator(digits: Digits) -> None:
    x, y = digits
    model = Adaline(10, 0.05, mode="batch", normalized=False, scale=1.0, dtype="float64")
    costs = [float(model.update(tf.constant(x), tf.constant(y))) for _ in range(4)]
    expected = estimators.AdalineGD(eta=0.05 / len(x), n_iter=4).fit(x, y)
    np.testing.assert_allclose(costs, expected.cost_ / len(x))
    np.testing.assert_allclose(model.kernel, expected.coef_.T, rtol=0, atol=1e-12)


def test_a_normalised_step_takes_away_eta_of_the_error(digits: Digits) -> None:
    x, y = (tf.constant(array[:1]) for array in digits)
    for mode in ("sample", "batch"):
        model = Adaline(10, 0.25, mode=mode, scale=3.0, dtype="float64")
        targets = 2 * np.eye(10)[digits[1][:1]] - 1
        model.update(x, y)
        np.testing.assert_allclose(targets - model(x), 0.75 * targets)


@pytest.mark.parametrize("mode", ["sample", "batch"])
def test_learns_unscaled_pictures_and_survives_saving(digits: Digits, mode: str, tmp_path: Path) -> None:
    x, y = (digits[0] * 255).astype(np.uint8).reshape(-1, 8, 8, 1), digits[1]
    # Without the factor the pixels are 255 times as large, which normalised steps don't mind.
    model = Adaline(10, 0.05 if mode == "sample" else 1.0, mode=mode, scale=1.0)
    model.compile(metrics=["accuracy"])
    history = model.fit(x, y, batch_size=100, epochs=10, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["accuracy"][-1] > 0.9
    assert model.evaluate(x, y, verbose=0, return_dict=True)["loss"] < history["loss"][0]
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert again.get_config() == model.get_config()
    model.export(str(tmp_path / "saved"), verbose=False)
    saved = tf.saved_model.load(str(tmp_path / "saved"))
    pixels = x[:5].astype(np.float32)
    np.testing.assert_allclose(saved.serve(pixels), model(pixels), rtol=1e-5, atol=1e-5)


def test_wrong_settings_are_named() -> None:
    with pytest.raises(InputError, match=r"eta must be above 0 and below 2 .* Received: eta=2"):
        Adaline(3, 2)
    with pytest.raises(InputError, match=r"eta must be a finite number above 0. Received: eta=inf"):
        Adaline(3, float("inf"), normalized=False)
    with pytest.raises(InputError, match=r"mode must be one of sample, batch. Received: mode=online"):
        Adaline(3, mode="online")
