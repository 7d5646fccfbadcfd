"""The functional multilayer perceptron."""

import itertools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from nst_keras.errors import InputError
from nst_keras.models.mlp import mlp


@pytest.mark.parametrize("hidden", [(), (5,), (7, 6, 5)])
@pytest.mark.parametrize("shape", [(12,), (4, 3, 1), (2, 2, 3)])
def test_any_depth_on_any_shape(hidden: tuple[int, ...], shape: tuple[int, ...]) -> None:
    model = mlp(shape, 3, hidden=hidden, batch_norm=False)
    assert model(np.zeros((2, *shape), np.uint8)).shape == (2, 3)
    widths = [12, *hidden, 3]
    assert model.count_params() == sum(a * b + b for a, b in itertools.pairwise(widths))


def test_raw_pixels_are_scaled_within() -> None:
    keras.utils.set_random_seed(0)
    model = mlp((4,), 2, hidden=(3,), activation="tanh", batch_norm=False)
    pixels = np.array([[0, 51, 102, 255]])
    (first, bias1), (second, bias2) = (layer.get_weights() for layer in model.layers if layer.weights)
    expected = np.tanh(pixels / 255 @ first + bias1) @ second + bias2
    np.testing.assert_allclose(model.predict(pixels, verbose=0), expected, rtol=1e-5)


def test_the_penalty_is_half_lambda_times_the_squares_of_the_kernels() -> None:
    model = mlp((4,), 2, hidden=(3,), l2=0.1, batch_norm=False)
    kernels = [layer.kernel.numpy() for layer in model.layers if layer.weights]
    for layer in model.layers:
        if layer.weights:
            layer.bias.assign(np.full(layer.bias.shape, 100.0))
    assert float(sum(model.losses)) == pytest.approx(0.05 * sum(np.sum(kernel**2) for kernel in kernels))


def test_learns_digits_and_survives_saving(tmp_path: Path) -> None:
    x, y = load_digits(return_X_y=True)
    x = (x * 255 / 16).astype(np.uint8).reshape(-1, 8, 8, 1)
    keras.utils.set_random_seed(0)
    model = mlp((8, 8, 1), 10, hidden=(64, 32))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(1e-2), loss, metrics=["accuracy"])
    model.fit(x[:1400], y[:1400], epochs=6, verbose=0)
    assert model.evaluate(x[1400:], y[1400:], verbose=0)[1] > 0.9
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(x[:9], verbose=0), model.predict(x[:9], verbose=0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_shape": (0,)}, "input_shape must be"),
        ({"num_classes": 1}, "num_classes must be"),
        ({"hidden": (8, 0)}, "hidden must be"),
        ({"activation": "rely"}, "activation must be .* Received: activation=rely"),
        ({"dropout": 1.0}, "dropout must be"),
        ({"l2": -1.0}, "l2 must be"),
        ({"scale": 0.0}, "scale must be"),
    ],
)
def test_wrong_settings_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        mlp(**{"input_shape": (4,), "num_classes": 2, **change})
