"""The Keras perceptron beside the estimator, and as a Keras model."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from nst_keras import estimators
from nst_keras.errors import InputError
from nst_keras.models.perceptron import Perceptron

Digits = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def digits() -> Digits:
    """600 pictures uint8 [n, 8, 8, 1] of 0..255, and labels int64 [n]."""
    x, y = load_digits(return_X_y=True)
    return (x[:600] * 255 / 16).astype(np.uint8).reshape(-1, 8, 8, 1), y[:600]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_weights_equal_the_estimators_after_every_epoch(digits: Digits, dtype: str, tolerance: float) -> None:
    x, y = digits
    model = Perceptron(10, eta=0.5, dtype=dtype)
    update = tf.function(model.update, reduce_retracing=True)
    for epoch in (1, 2, 3):
        batches = [slice(start, start + 128) for start in range(0, len(x), 128)]
        errors = sum(int(update(x[rows], y[rows])) for rows in batches)
        expected = estimators.Perceptron(eta=0.5, n_iter=epoch).fit(x.reshape(len(x), -1) / 255, y)
        assert errors == expected.errors_[-1]
        bound = tolerance * np.abs(expected.coef_).max()
        np.testing.assert_allclose(model.kernel, expected.coef_.T, rtol=0, atol=bound)
        np.testing.assert_allclose(model.bias, expected.intercept_, rtol=tolerance)


def test_two_classes_have_two_mirrored_units(digits: Digits) -> None:
    x, y = (array[digits[1] < 2] for array in digits)
    model = Perceptron(2)
    model.update(tf.constant(x), tf.constant(y))
    expected = estimators.Perceptron(n_iter=1).fit(x.reshape(len(x), -1) / 255, y)
    np.testing.assert_allclose(model.kernel.numpy()[:, 1], expected.coef_[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(model.kernel.numpy()[:, 0], -model.kernel.numpy()[:, 1])


def test_fit_evaluate_and_predict_as_any_model(digits: Digits) -> None:
    x, y = digits
    model = Perceptron(10)
    model.compile(metrics=["accuracy"])
    history = model.fit(
        x, y, batch_size=64, epochs=8, shuffle=False, validation_data=(x, y), verbose=0
    ).history
    expected = estimators.Perceptron(n_iter=8).fit(x.reshape(len(x), -1) / 255, y)
    np.testing.assert_array_equal(history["errors"], expected.errors_)
    assert history["loss"][-1] < history["loss"][0]
    assert "val_errors" not in history
    found = model.predict(x, verbose=0).argmax(axis=1)
    assert history["val_accuracy"][-1] == pytest.approx(np.mean(found == y))
    assert np.mean(found == y) > 0.95
    assert model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"] == pytest.approx(np.mean(found == y))


def test_saves_reloads_and_goes_on(digits: Digits, tmp_path: Path) -> None:
    x, y = digits
    model = Perceptron(10, eta=0.5, scale=1 / 100)
    model.compile(metrics=["accuracy"])
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    for each in (model, again):
        each.fit(x, y, shuffle=False, verbose=0)
    np.testing.assert_array_equal(again.kernel.numpy(), model.kernel.numpy())


def test_export(digits: Digits, tmp_path: Path) -> None:
    x, y = digits
    model = Perceptron(10)
    model.update(tf.constant(x), tf.constant(y))
    model.export(str(tmp_path / "saved"), verbose=False)
    saved = tf.saved_model.load(str(tmp_path / "saved"))
    pixels = x[:5].astype(np.float32)
    np.testing.assert_allclose(saved.serve(pixels), model(pixels), rtol=1e-5, atol=1e-4)


def test_wrong_use_is_named(digits: Digits) -> None:
    with pytest.raises(InputError, match=r"num_classes must be .* Received: num_classes=1"):
        Perceptron(1)
    with pytest.raises(InputError, match=r"eta must be .* Received: eta=-1"):
        Perceptron(3, eta=-1)
    with pytest.raises(InputError, match=r"scale must be .* Received: scale=0"):
        Perceptron(3, scale=0)
    with pytest.raises(InputError, match=r"shape must be known .* Received: \(None, None, 8, 1\)"):
        Perceptron(3).build((None, None, 8, 1))
    model = Perceptron(10)
    model.compile()
    with pytest.raises(InputError, match="fit without them"):
        model.fit(*digits, sample_weight=np.ones(len(digits[1])), verbose=0)


def test_fit_ends_with_the_first_epoch_without_an_error() -> None:
    x, y = np.array([[1.0, 0.0], [0.0, 1.0]] * 8, np.float32), np.array([0, 1] * 8)
    model = Perceptron(2, scale=1.0)
    model.compile()
    seen = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs["errors"]))
    model.fit(x, y, epochs=50, verbose=0, callbacks=[watch])
    assert len(seen) < 50
    assert seen[-1] == 0 < seen[0]
