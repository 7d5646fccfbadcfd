"""Gradients held against central differences, with a name for what is wrong with them.

In float64 a right gradient agrees to 1e-7 or so, while a wrong one is off by its own size. The method is that
of the course CS231n (Stanford, "Neural Networks Part 3: Gradient checks"), where a relative error above 1e-2
is wrong and below 1e-4 right if there are kinks, below 1e-7 if there are none. Here kinks are told apart, so
that a single element above 1e-3 is wrong and 1e-5 is right.

It needs NumPy alone and takes any cost, so that a backpropagation written by hand can be checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nst_keras.diagnosis.central_differences import (
    RIGHT,
    WRONG,
    CentralDifferences,
    Cost,
    Parameters,
    Samples,
    root_mean_square,
)
from nst_keras.diagnosis.findings import Finding
from nst_keras.diagnosis.gradient_faults import name_fault
from nst_keras.errors import InputError


@dataclass(frozen=True)
class GradientRow:
    """How the gradient of one parameter fares, at the elements that were tried.

    The fault is one of `gradient_faults.name_fault`, or empty. The error is |a - n| / (|a| + |n|), 0..1: of
    the elements together by their Euclidean norms, or of the worst one less rounding if that is larger.
    `analytic` and `numeric` are root mean squares of the gradient and of the central differences; at `kinks`
    of the elements the cost has no derivative to agree with, and they don't count.
    """

    parameter: str
    verdict: str
    fault: str
    error: float
    analytic: float
    numeric: float
    tried: int
    kinks: int


def check_gradients(
    cost: Cost,
    parameters: Parameters,
    gradients: Parameters,
    *,
    batch_size: int = 0,
    num_samples: int = 30,
    step: float = 1e-5,
    seed: int = 0,
) -> tuple[GradientRow, ...]:
    """Compares gradients with central differences of the cost.

    Args:
        cost: From parameters to a float; must not be random. It is called 2 to 6 times an element.
        parameters: Arrays by name; they are copied to float64, the originals stay as they are.
        gradients: What was computed for each parameter, of its shape.
        batch_size: Examples that the cost is a mean of, to recognise a forgotten division; 0 if not known.
        num_samples: Elements tried per parameter; all of them if it has no more.
        step: h, in units of the parameter.
        seed: Of the choice of elements.

    Returns:
        A row per parameter.

    Raises:
        InputError: If a gradient is missing, or the cost isn't a finite number or is random.

    Example:
    >>> weights = {"w": np.array([1.0, -2.0])}
    >>> row, = check_gradients(lambda p: float(np.sum(p["w"] ** 2)), weights, {"w": -2 * weights["w"]})
    >>> row.verdict, row.fault
    ('wrong', 'sign slip')
    """
    if missing := [name for name in parameters if name not in gradients]:
        raise InputError(
            f"gradients must have {', '.join(parameters)}. Received: none for {', '.join(missing)}"
        )
    differences = CentralDifferences(cost, parameters, step)
    rng = np.random.default_rng(seed)
    rows = []
    for name, parameter in parameters.items():
        value, given = np.asarray(parameter), np.asarray(gradients[name], np.float64)
        index = _choose(given, value.size, num_samples, rng)
        samples = differences.sample(name, _laid_out(given, value), index)
        rows.append(_judge(name, value, given, samples, batch_size, differences.noise))
    return tuple(rows)


def name_layers(layers: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, np.ndarray]:
    """Turns [(W, b), ...], the form of `training.backpropagation`, into {"W1": ..., "b1": ..., "W2": ...}."""
    return {
        f"{kind}{number}": array
        for number, pair in enumerate(layers, start=1)
        for kind, array in zip("Wb", pair, strict=True)
    }


def pair_layers(parameters: Parameters) -> list[tuple[np.ndarray, np.ndarray]]:
    """The way back from `name_layers`."""
    arrays = list(parameters.values())
    return list(zip(arrays[::2], arrays[1::2], strict=True))


def gradient_finding(rows: tuple[GradientRow, ...]) -> Finding:
    """Sums up the rows: the gravest verdict, the first fault's name, and the table."""
    worst = max(row.error for row in rows)
    numbers = {"largest_relative_error": worst, "parameters": float(len(rows))}
    table = tuple(map(vars, rows))
    bad = [row for row in rows if row.verdict == "wrong"] or [row for row in rows if row.verdict == "suspect"]
    if not bad:
        text = f"Gradients agree with central differences; the largest relative error is {worst:.1e}."
        return Finding("gradient_check", "ok", "", text, numbers=numbers, table=table)
    faults = ", ".join(f"{row.parameter} ({row.fault})" for row in bad)
    text = f"The gradient doesn't agree with central differences for {faults}."
    remedy = f"Look at the backward pass of {bad[0].parameter} first; forward pass and loss are not at fault."
    return Finding("gradient_check", bad[0].verdict, bad[0].fault, text, remedy, numbers, table)


def _choose(given: np.ndarray, size: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Half of the elements where the gradient is largest, half by chance: most others may be zero."""
    if size <= count:
        return np.arange(size)
    largest = np.argsort(-np.abs(given), axis=None, kind="stable")[: count // 2]
    if given.size != size:
        largest = largest[:0]
    others = np.setdiff1d(np.arange(size), largest, assume_unique=True)
    return np.sort(np.concatenate([largest, rng.choice(others, count - len(largest), replace=False)]))


def _laid_out(given: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The gradient in the parameter's shape, whatever order its elements are in; NaN if it can't be."""
    return given.reshape(value.shape) if given.size == value.size else np.full(value.shape, np.nan)


def _judge(
    name: str, value: np.ndarray, given: np.ndarray, samples: Samples, batch_size: int, noise: float
) -> GradientRow:
    smooth = ~samples.kink
    worst = float(samples.error[smooth].max(initial=0.0)) if given.shape == value.shape else 1.0
    verdict = "ok" if worst <= RIGHT else "suspect" if worst <= WRONG else "wrong"
    error = max(worst, _norm_error(samples.analytic[smooth], samples.numeric[smooth], noise))
    fault = ""
    if verdict != "ok":
        index, numeric = samples.index[smooth], samples.numeric[smooth]
        fault = name_fault(value, given, index, numeric, batch_size=batch_size, noise=noise)
    tried, kinks = len(samples.index), int(samples.kink.sum())
    sizes = root_mean_square(samples.analytic), root_mean_square(samples.numeric)
    return GradientRow(name, verdict, fault, error, *sizes, tried, kinks)


def _norm_error(analytic: np.ndarray, numeric: np.ndarray, noise: float) -> float:
    norms = np.linalg.norm(analytic) + np.linalg.norm(numeric)
    # Two vectors of nothing but rounding agree.
    return float(np.linalg.norm(analytic - numeric) / norms) if norms > 10 * noise else 0.0
