"""Backpropagation written out, beside TensorFlow's own gradients and training."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from nst_keras.errors import InputError
from nst_keras.estimators import backpropagation
from nst_keras.estimators.backpropagation import ACTIVATIONS, Params, TrainingSettings
from nst_keras.models.mlp import mlp

L2 = 0.01
SIZES = [64, 24, 16, 10]


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """1797 pictures float64 [n, 64] of 0..1, and labels int64 [n]."""
    x, y = load_digits(return_X_y=True)
    return x / 16, y


def start(activation: str) -> Params:
    """Weights from a seed, and biases that aren't 0, so that a slip with them shows."""
    rng = np.random.default_rng(0)
    params = backpropagation.initialize(SIZES, rng, activation=activation)
    return [(weights, rng.normal(0, 0.1, bias.shape)) for weights, bias in params]


def same_network(params: Params, activation: str) -> keras.Model:
    model = mlp(
        (64,), 10, hidden=(24, 16), activation=activation, dropout=0, batch_norm=False, l2=L2, scale=1.0,
        dtype="float64",
    )  # fmt: skip
    model.set_weights([array for pair in params for array in pair])
    return model


def keras_cost(model: keras.Model, x: np.ndarray, y: np.ndarray) -> tf.Tensor:
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x, training=True))
    return tf.reduce_mean(losses) + tf.add_n(model.losses)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_equal_those_of_gradient_tape(digits: tuple, activation: str) -> None:
    x, y = digits[0][:50], digits[1][:50]
    params = start(activation)
    model = same_network(params, activation)
    with tf.GradientTape() as tape:
        expected_cost = keras_cost(model, x, y)
    expected = tape.gradient(expected_cost, model.trainable_variables)
    assert backpropagation.cost(params, x, y, l2=L2, activation=activation) == pytest.approx(
        float(expected_cost), rel=1e-6
    )
    outputs = backpropagation.forward(params, x, activation)
    gradients = backpropagation.backward(params, outputs, y, l2=L2, activation=activation)
    for ours, theirs in zip((array for pair in gradients for array in pair), expected, strict=True):
        assert np.linalg.norm(ours - theirs) <= 1e-6 * np.linalg.norm(theirs)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_equal_central_differences(digits: tuple, activation: str) -> None:
    x, y = digits[0][:20], digits[1][:20]
    params = start(activation)
    gradients = backpropagation.backward(
        params, backpropagation.forward(params, x, activation), y, l2=L2, activation=activation
    )
    rng = np.random.default_rng(1)
    step = 1e-5
    for layer, pair in enumerate(params):
        for array, gradient in zip(pair, gradients[layer], strict=True):
            index = tuple(rng.integers(array.shape))
            kept = array[index]
            costs = []
            for moved in (kept + step, kept - step):
                array[index] = moved
                costs.append(backpropagation.cost(params, x, y, l2=L2, activation=activation))
            array[index] = kept
            assert (costs[0] - costs[1]) / (2 * step) == pytest.approx(gradient[index], rel=1e-5, abs=1e-9)


def test_the_same_steps_lead_keras_to_the_same_place(digits: tuple) -> None:
    x, y = digits[0][:1200], digits[1][:1200]
    settings = TrainingSettings(activation="tanh", eta=0.1, momentum=0.9, l2=L2, n_epochs=5, seed=3)
    params = start("tanh")
    model = same_network(params, "tanh")
    *_, (params, _) = backpropagation.train(params, x, y, settings)

    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    optimizer.build(model.trainable_variables)

    @tf.function(reduce_retracing=True)
    def step(some_x: tf.Tensor, some_y: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = keras_cost(model, some_x, some_y)
        optimizer.apply(tape.gradient(loss, model.trainable_variables))

    rng = np.random.default_rng(3)
    for _ in range(5):
        for rows in backpropagation.minibatches(len(x), 32, rng):
            step(tf.constant(x[rows]), tf.constant(y[rows]))

    for ours, theirs in zip((array for pair in params for array in pair), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)
    found = backpropagation.predict(params, digits[0][1200:], "tanh")
    np.testing.assert_array_equal(found, model.predict(digits[0][1200:], verbose=0).argmax(axis=1))
    assert np.mean(found == digits[1][1200:]) > 0.85


def test_training_lowers_the_cost_the_same_way_for_a_seed(digits: tuple) -> None:
    settings = TrainingSettings(n_epochs=3, eta=0.05)
    params = backpropagation.initialize(SIZES, np.random.default_rng(0))
    before = [array.copy() for pair in params for array in pair]
    runs = [list(backpropagation.train(params, *digits, settings)) for _ in range(2)]
    costs = [cost for _, cost in runs[0]]
    assert costs == [cost for _, cost in runs[1]]
    assert costs[0] > costs[1] > costs[2]
    for array, kept in zip((array for pair in params for array in pair), before, strict=True):
        np.testing.assert_array_equal(array, kept)


def test_float32_stays_float32(digits: tuple) -> None:
    params = backpropagation.initialize(SIZES, np.random.default_rng(0), dtype=np.float32)
    ((trained, _),) = backpropagation.train(params, *digits, TrainingSettings(n_epochs=1))
    assert {array.dtype for pair in trained for array in pair} == {np.dtype(np.float32)}


def test_great_logits_do_not_overflow() -> None:
    params = [(np.array([[1e4, -1e4]]), np.zeros(2))]
    assert backpropagation.cost(params, np.array([[1.0]]), np.array([1])) == pytest.approx(2e4)
    assert backpropagation.cost(params, np.array([[1.0]]), np.array([0])) == 0


def test_signals_keep_their_size_through_many_layers() -> None:
    x = np.random.default_rng(1).standard_normal((200, 256))
    params = backpropagation.initialize([256] * 12, np.random.default_rng(0))
    squares = [np.mean(output**2) for output in backpropagation.forward(params, x)[1:-1]]
    assert 0.3 < squares[-1] / squares[0] < 3


@pytest.mark.parametrize("setting", ["activation", "eta", "momentum", "l2", "batch_size", "n_epochs"])
def test_wrong_settings_are_named(setting: str) -> None:
    with pytest.raises(InputError, match=f"{setting} must be .*Received: {setting}=-1"):
        TrainingSettings(**{setting: "-1" if setting == "activation" else -1})
    with pytest.raises(InputError, match="sizes must be"):
        backpropagation.initialize([4], np.random.default_rng(0))
