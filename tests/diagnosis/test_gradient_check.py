"""Gradients by hand, right and wrong: what is wrong must be named."""

from collections.abc import Callable

import numpy as np
import pytest

from nst_keras.diagnosis.gradient_check import (
    GradientRow,
    check_gradients,
    gradient_finding,
    name_layers,
    pair_layers,
)
from nst_keras.errors import InputError
from nst_keras.estimators import backpropagation as bp

BATCH = 7
SIZES = (6, 5, 5, 3)


@pytest.fixture
def network() -> tuple[dict[str, np.ndarray], Callable, Callable]:
    """Parameters of a perceptron with three layers, its cost and its gradients, from backpropagation.py."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((BATCH, SIZES[0])), rng.integers(0, SIZES[-1], BATCH)
    parameters = name_layers(bp.initialize(SIZES, rng))

    def cost(values: dict, activation: str = "tanh", l2: float = 0.0) -> float:
        return bp.cost(pair_layers(values), x, y, l2=l2, activation=activation)

    def gradients(values: dict, activation: str = "tanh", l2: float = 0.0) -> dict:
        layers = pair_layers(values)
        outputs = bp.forward(layers, x, activation)
        return name_layers(bp.backward(layers, outputs, y, l2=l2, activation=activation))

    return parameters, cost, gradients


def _row(rows: tuple[GradientRow, ...], name: str) -> GradientRow:
    return next(row for row in rows if row.parameter == name)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_written_out_backpropagation_is_right(network: tuple, activation: str) -> None:
    parameters, cost, gradients = network
    rows = check_gradients(
        lambda values: cost(values, activation, 0.1), parameters, gradients(parameters, activation, 0.1)
    )
    assert [row.parameter for row in rows] == ["W1", "b1", "W2", "b2", "W3", "b3"]
    assert max(row.error for row in rows) < 1e-6
    finding = gradient_finding(rows)
    assert (finding.verdict, finding.name) == ("ok", "")
    assert len(finding.table) == 6


@pytest.mark.parametrize(
    ("spoil", "name", "expected"),
    [
        (np.negative, "W3", "sign slip"),
        (np.negative, "b1", "sign slip"),
        (np.zeros_like, "b2", "missing gradient"),
        (np.transpose, "W1", "transposed"),
        (np.transpose, "W2", "transposed"),
        (lambda g: BATCH * g, "W2", "scaled by 7: not divided by the batch size"),
    ],
)
def test_fault_is_named_where_it_is(network: tuple, spoil: Callable, name: str, expected: str) -> None:
    parameters, cost, gradients = network
    right = gradients(parameters)
    wrong = {**right, name: spoil(right[name])}
    rows = check_gradients(cost, parameters, wrong, batch_size=BATCH)
    assert {row.parameter: row.fault for row in rows if row.verdict != "ok"} == {name: expected}
    finding = gradient_finding(rows)
    assert (finding.verdict, finding.name) == ("wrong", expected)
    assert f"{name} ({expected})" in finding.text


def _lost_unit(right: np.ndarray) -> np.ndarray:
    return np.where(np.arange(right.shape[1]) == 1, 0.0, right)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda g: 2 * g, "scaled by 2: a factor 2 too many"),
        (lambda g: g / 2, "scaled by 0.5: a factor 2 forgotten"),
        (lambda g: g / BATCH, "scaled by 0.1429: divided by the batch size once too often"),
        (lambda g: -3 * g, "scaled by 3 and sign slip"),
        (lambda g: g.T.reshape(g.shape), "transposed"),
        (lambda g: g.sum(axis=1), "wrong shape [6] instead of [6, 5]"),
        (lambda g: g.reshape(-1), "wrong shape [30] instead of [6, 5]"),
        (lambda g: np.where(np.arange(5) == 1, np.nan, g), "not finite"),
        (_lost_unit, "wrong in some elements: 6 of 30"),
        (lambda g: np.cos(g), "unlike the numeric gradient"),
    ],
)
def test_other_mistakes(network: tuple, spoil: Callable, expected: str) -> None:
    parameters, cost, gradients = network
    right = gradients(parameters)
    rows = check_gradients(cost, parameters, right | {"W1": spoil(right["W1"])}, batch_size=BATCH)
    assert _row(rows, "W1").verdict == "wrong"
    assert _row(rows, "W1").fault == expected


def test_forgotten_weight_decay(network: tuple) -> None:
    parameters, cost, gradients = network
    rows = check_gradients(lambda values: cost(values, l2=0.1), parameters, gradients(parameters))
    assert {row.fault for row in rows if row.parameter.startswith("W")} == {
        "weight decay missing: the difference is 0.1 times the weight"
    }
    assert {row.verdict for row in rows if row.parameter.startswith("b")} == {"ok"}


def test_swapped_axes_of_a_convolution_kernel() -> None:
    kernel = np.random.default_rng(0).standard_normal((3, 3, 2, 4))
    factors = np.random.default_rng(1).standard_normal(kernel.shape)
    wrong = {"kernel": np.swapaxes(factors * np.cos(kernel), 0, 1)}
    (row,) = check_gradients(
        lambda p: float(np.sum(factors * np.sin(p["kernel"]))), {"kernel": kernel}, wrong
    )
    assert row.fault == "transposed"


@pytest.mark.parametrize("at", [0.0, 3e-6, -3e-6])
def test_kink_is_no_mistake(at: float) -> None:
    parameters = {"w": np.array([at, 1.0, -1.0])}
    right = {"w": np.array([0.5 if at == 0 else float(at > 0), 1.0, 0.0])}
    (row,) = check_gradients(lambda p: float(np.maximum(p["w"], 0).sum()), parameters, right)
    assert (row.verdict, row.kinks) == ("ok", 0 if at == 0 else 1)
    (row,) = check_gradients(
        lambda p: float(np.maximum(p["w"], 0).sum()), parameters, {"w": np.array([0.0, 1, 0])}
    )
    assert (row.verdict, row.kinks) == ("wrong" if at > 0 else "ok", 1 - (at > 0))


def test_small_gradients_can_be_wrong_too() -> None:
    cost = lambda p: 2.0 + 1e-6 * float(np.sum(np.sin(p["w"])))  # noqa: E731
    parameters = {"w": np.linspace(-1, 1, 9)}
    right = 1e-6 * np.cos(parameters["w"])
    assert check_gradients(cost, parameters, {"w": right})[0].verdict == "ok"
    assert check_gradients(cost, parameters, {"w": -right})[0].fault == "sign slip"
    assert check_gradients(cost, parameters, {"w": 0 * right})[0].fault == "missing gradient"


def test_parameters_stay_as_they_are(network: tuple) -> None:
    parameters, cost, gradients = network
    fortran = {name: np.asfortranarray(value, np.float64) for name, value in parameters.items()}
    kept = {name: value.copy() for name, value in fortran.items()}
    rows = check_gradients(cost, fortran, gradients(parameters))
    assert {row.verdict for row in rows} == {"ok"}
    for name, value in kept.items():
        np.testing.assert_array_equal(fortran[name], value)


def test_bad_arguments(network: tuple) -> None:
    parameters, cost, gradients = network
    with pytest.raises(InputError, match=r"gradients must have W1, .* Received: none for b3"):
        check_gradients(
            cost, parameters, {name: p for name, p in gradients(parameters).items() if name != "b3"}
        )
    with pytest.raises(InputError, match=r"cost must be a finite number. Received: nan"):
        check_gradients(lambda _: np.nan, parameters, parameters)
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"cost must be the same at each call"):
        check_gradients(lambda _: rng.random(), parameters, parameters)
