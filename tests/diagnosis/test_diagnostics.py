"""Networks that learn rightly must pass; each planted fault must be found and named."""

import json
import math
from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from nst_keras.diagnosis.diagnostics import diagnose
from nst_keras.diagnosis.findings import CHECKS, FAULTS, Finding, Report
from nst_keras.diagnosis.planted_faults import TrainingSetup, plant
from nst_keras.errors import InputError
from nst_keras.models.mlp import mlp

L = keras.layers
MOST = [check for check in CHECKS if check != "overfit"]


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """300 pictures, uint8 [n, 8, 8, 1] on 0..255, and labels."""
    data = load_digits()
    return np.rint(data.images[:300, ..., None] * (255 / 16)).astype(np.uint8), data.target[:300]


@pytest.fixture(autouse=True)
def _seed() -> None:
    keras.utils.set_random_seed(0)


def _mlp(activation: str = "relu", *ends: keras.layers.Layer, batch_norm: bool = False) -> keras.Model:
    model = mlp((8, 8, 1), 10, hidden=(32, 24), activation=activation, batch_norm=batch_norm)
    return keras.Sequential([keras.Input((8, 8, 1)), *model.layers[1:], *ends])


def _convolutional() -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    x = L.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = L.MaxPooling2D()(L.Conv2D(8, 3, activation="relu", name="conv")(x))
    x = L.Dense(16, activation="relu", name="hidden")(L.Dropout(0.3)(L.Flatten()(x)))
    return keras.Model(inputs, L.Dense(10, name="logits")(x))


def _diagnose(model: keras.Model, digits: tuple, *checks: str, **options: object) -> Report:
    return diagnose(model, *digits, checks=checks or CHECKS, **options)


HEALTHY = {
    "relu": lambda: _mlp("relu"),
    "tanh": lambda: _mlp("tanh"),
    "sigmoid": lambda: _mlp("sigmoid"),
    "batch_norm": lambda: _mlp("relu", batch_norm=True),
    "softmax": lambda: _mlp("relu", L.Softmax()),
    "convolutional": _convolutional,
}


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_wrong_with_a_healthy_network(name: str, digits: tuple) -> None:
    model = HEALTHY[name]()
    weights = model.get_weights()
    checks = MOST if name in ("tanh", "sigmoid") else CHECKS  # learning by heart takes a while
    report = _diagnose(model, digits, *checks)
    assert report.verdict == "ok", report.text()
    assert list(dict.fromkeys(finding.check for finding in report.findings)) == list(checks)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert [layer.rate for layer in model.layers if isinstance(layer, L.Dropout)] != []
    assert all(layer.rate == 0.3 for layer in model.layers if isinstance(layer, L.Dropout))


NAMES = {
    "sign_slip": ("gradient_check", "sign slip"),
    "missing_bias": ("gradient_check", "missing gradient"),
    "transposed": ("gradient_check", "transposed"),
    "no_batch_mean": ("initial_loss", "not divided by the batch size"),
    "softmax_twice": ("outputs", "softmax twice"),
    "wrong_axis": ("outputs", "softmax over the wrong axis"),
    "unscaled_inputs": ("data", "unscaled inputs"),
    "shuffled_labels": ("data", "shuffled labels"),
    "dead_relu": ("activations", "dead ReLU units"),
    "high_learning_rate": ("learning_rate", "learning rate too high"),
    "vanishing_gradient": ("gradient_flow", "vanishing gradient"),
    "constant_pictures": ("data", "constant pictures"),
    "nan_pictures": ("data", "pictures not finite"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_found_and_named(fault: str, digits: tuple) -> None:
    healthy = TrainingSetup(_convolutional(), *digits)
    setup = plant(fault, healthy)
    report = diagnose(
        setup.model,
        setup.images,
        setup.labels,
        loss=setup.loss,
        learning_rate=setup.learning_rate,
        checks=MOST,
    )
    check, name = NAMES[fault]
    first = next(finding for finding in report.findings if finding.verdict == "wrong")
    assert (first.check, first.name) == (check, name), report.text()
    assert first.text and first.remedy
    others = {"unscaled_inputs": {"first loss too high"}, "dead_relu": {"no gradient"}}
    assert set(report.faults()) - {name} <= others.get(fault, set()), report.text()
    if fault in ("sign_slip", "missing_bias", "transposed"):
        wrong = [row["parameter"] for row in first.table if row["verdict"] != "ok"]
        assert wrong == ["logits/bias" if fault == "missing_bias" else "logits/kernel"]


def test_both_forms_of_softmax_twice(digits: tuple) -> None:
    inside = _mlp("relu", L.Softmax(), L.Softmax())
    in_loss = _mlp("relu", L.Softmax())
    from_logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for model, loss in ((inside, None), (in_loss, from_logits)):
        report = _diagnose(model, digits, "outputs", "overfit", loss=loss)
        assert report.faults() == ["softmax twice", "can't overfit a batch"]
        floor = math.log(1 + 9 / math.e)
        numbers, learned = (finding.numbers for finding in report.findings)
        assert numbers["least_loss"] == pytest.approx(floor, abs=1e-4)
        assert learned["loss"] > floor - 1e-4


@pytest.mark.parametrize("name", ["Softmax", "CategoricalCrossentropy", "categorical_crossentropy"])
def test_losses_that_fit_probabilities(name: str, digits: tuple) -> None:
    model = _mlp("relu", L.Softmax())
    report = _diagnose(model, digits, "outputs", "initial_loss", loss=None if name == "Softmax" else name)
    assert report.verdict == "ok", report.text()
    assert report.findings[1].numbers["loss"] == pytest.approx(math.log(10), rel=0.3)


@pytest.mark.parametrize(
    ("make", "loss", "verdict", "name"),
    [
        (lambda: _mlp(), "sparse_categorical_crossentropy", "wrong", "softmax missing"),
        (
            lambda: _mlp("relu", L.Activation("sigmoid")),
            "sparse_categorical_crossentropy",
            "suspect",
            "sigmoid instead of softmax",
        ),
        (lambda: _mlp("relu", L.Dense(9)), None, "wrong", "wrong output count"),
        (lambda: _mlp("relu", L.Dense(12)), None, "suspect", "wrong output count"),
        (lambda: _mlp("relu", L.Reshape((5, 2))), None, "wrong", "wrong output shape"),
        (lambda: _mlp("relu", _Centred()), None, "wrong", "pictures mixed"),
    ],
)
def test_outputs(make: Callable, loss: str | None, verdict: str, name: str, digits: tuple) -> None:
    report = _diagnose(make(), digits, "outputs", loss=loss, num_classes=10)
    (finding,) = report.findings
    assert (finding.verdict, finding.name) == (verdict, name)


def _with_labels(change: Callable) -> Callable:
    return lambda images, labels: (images, change(labels))


@pytest.mark.parametrize(
    ("change", "verdict", "name"),
    [
        (_with_labels(lambda y: y + 1), "wrong", "labels out of range"),
        (_with_labels(lambda y: y - 1), "wrong", "labels out of range"),
        (_with_labels(lambda y: 0 * y + 3), "wrong", "one class only"),
        (lambda x, y: (x[(y != 3) | (np.arange(300) < 60)], y[(y != 3) | (np.arange(300) < 60)]), "ok", ""),
        (lambda x, y: (np.concatenate([x[y == 0]] * 20), 1 * (np.arange(20 * (y == 0).sum()) < 9)), "", ""),
        (lambda x, y: (x / 255 / 255, y), "suspect", "inputs scaled twice"),
        (
            lambda x, y: (np.where(np.arange(300)[:, None, None, None] == 7, 0, x), y),
            "suspect",
            "constant pictures",
        ),
    ],
)
def test_data(change: Callable, verdict: str, name: str, digits: tuple) -> None:
    model = _mlp()
    images, labels = change(*digits)
    if name == "inputs scaled twice":
        images = images * 255  # the model divides once more
    report = _diagnose(model, (images, labels), "data", num_classes=10)
    if verdict == "ok":
        assert report.verdict == "ok", report.text()
    elif verdict:
        assert name in report.faults(verdict), report.text()
    else:
        assert "classes out of balance" in report.faults("suspect"), report.text()


@pytest.mark.parametrize(
    ("optimizer", "rate", "name"),
    [
        ("sgd", 1000.0, "learning rate too high"),
        ("sgd", 1e-9, "learning rate too low"),
        (keras.optimizers.SGD(0.1, momentum=0.9), None, ""),
    ],
)
def test_learning_rate(
    optimizer: str | keras.optimizers.Optimizer, rate: float | None, name: str, digits: tuple
) -> None:
    model = _mlp()
    report = _diagnose(model, digits, "learning_rate", optimizer=optimizer, learning_rate=rate)
    (finding,) = report.findings
    assert finding.name == name
    if name == "learning rate too high":
        suggestion = finding.numbers["suggestion"]
        again = _diagnose(model, digits, "learning_rate", optimizer="sgd", learning_rate=suggestion)
        assert again.verdict == "ok"


def test_no_learning_rate_helps_when_the_gradient_points_uphill(digits: tuple) -> None:
    def loss(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        turned = 2 * tf.stop_gradient(logits) - logits  # the same values, the opposite gradient
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, turned)

    report = _diagnose(_mlp(), digits, "gradient_check", "learning_rate", loss=loss)
    assert report.faults() == ["sign slip", "no way down"]


def test_exploding_gradient_and_saturated_units(digits: tuple) -> None:
    model = _mlp("tanh")
    first, last = model.layers[2], model.layers[-1]
    last.kernel.assign(1000 * last.kernel)
    report = _diagnose(model, digits, "initial_loss", "gradient_flow")
    assert report.faults() == ["first loss too high"]
    first.kernel.assign(1000 * first.kernel)
    assert _diagnose(model, digits, "activations").faults("suspect") == ["saturated units"]
    vast = keras.Sequential([keras.Input((8, 8, 1)), L.Rescaling(1 / 255), L.Flatten()])
    for number in range(8):
        start = keras.initializers.RandomNormal(stddev=1.0, seed=number)
        vast.add(L.Dense(10 if number == 7 else 32, "relu" if number < 7 else None, kernel_initializer=start))
    report = _diagnose(vast, digits, "gradient_flow")
    assert [finding.name for finding in report.findings] == ["exploding gradient"], report.text(tables=True)


class _Centred(keras.layers.Layer):
    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs - tf.reduce_mean(inputs, axis=0)


class _Float32(keras.layers.Layer):
    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.matmul(inputs, tf.eye(inputs.shape[-1]))


class Subclassed(keras.Model):
    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.scale, self.flat, self.dense = L.Rescaling(1 / 255), L.Flatten(), L.Dense(10)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.dense(self.flat(self.scale(inputs)))


def test_layer_that_insists_on_float32(digits: tuple) -> None:
    (finding,) = _diagnose(_mlp("relu", _Float32()), digits, "gradient_check").findings
    assert (finding.verdict, finding.name) == ("suspect", "not checked")
    assert "float64" in finding.text


def test_loss_that_is_not_finite(digits: tuple) -> None:
    def loss(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return -tf.math.log(0 * logits[:, 0])

    report = _diagnose(
        _mlp(), digits, "initial_loss", "gradient_check", "learning_rate", "overfit", loss=loss
    )
    assert report.faults() == ["loss not finite", "no way down", "can't overfit a batch"]
    assert report.faults("suspect") == ["not checked"]


def test_subclassed_model(digits: tuple) -> None:
    report = _diagnose(Subclassed(), digits, *CHECKS[1:])
    assert report.verdict == "ok", report.text()
    (check,) = [finding for finding in report.findings if finding.check == "gradient_check"]
    assert {row["numeric"] > 0 for row in check.table} == {True}


def test_bad_arguments(digits: tuple) -> None:
    images, labels = digits
    model = _mlp()
    with pytest.raises(InputError, match=r"labels must be class ids.* Received: labels of float64"):
        diagnose(model, images, labels / 2)
    with pytest.raises(InputError, match=r"can't take images of shape \[64, 8, 7, 1\]"):
        diagnose(model, images[:, :, 1:], labels)
    with pytest.raises(InputError, match=r"checks must be one of data, .* Received: checks=loss"):
        diagnose(model, images, labels, checks=["loss"])
    with pytest.raises(InputError, match=r"learning_rate must be .* Received: learning_rate=-1"):
        diagnose(model, images, labels, learning_rate=-1)
    with pytest.raises(InputError, match=r"optimizer must be one that Keras knows"):
        diagnose(model, images, labels, optimizer="best")
    with pytest.raises(InputError, match=r"batch_size must be a whole number, at least 4"):
        diagnose(model, images, labels, batch_size=2)
    with pytest.raises(InputError, match=r"has no weights that can be trained"):
        diagnose(keras.Sequential([keras.Input((8, 8, 1)), L.Flatten()]), images, labels)
    with pytest.raises(InputError, match=r"fault must be one of sign_slip, "):
        plant("typo", TrainingSetup(model, images, labels))
    with pytest.raises(InputError, match=r"sign_slip needs a model that ends in a Dense layer of logits"):
        plant("sign_slip", TrainingSetup(_mlp("relu", L.Softmax()), images, labels))


def test_report_as_json_and_text() -> None:
    table = ({"layer": "dense", "gradient": math.nan, "units": 3},)
    bad = Finding("overfit", "wrong", "can't overfit", "It can't.", "Try.", {"loss": math.inf}, table)
    report = Report(
        (Finding("data", "ok", "", "Fine.", table=table), Finding("outputs", "suspect", "a", "b"), bad)
    )
    assert report.verdict == "wrong"
    assert (report.faults(), report.faults("suspect")) == (["can't overfit"], ["a"])
    plain = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert plain["findings"][2]["numbers"] == {"loss": "inf"}
    assert plain["findings"][2]["table"] == [{"layer": "dense", "gradient": "nan", "units": 3}]
    assert "can't overfit: It can't." in report.text() and "→ Try." in report.text()
    assert report.text().count("dense  nan") == 1
    assert report.text(tables=True).count("dense  nan") == 2
    assert Report(()).verdict == "ok"
