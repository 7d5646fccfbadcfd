"""Finds out whether, and why, a network learns wrongly: all checks in one call.

The checks go from the cause to the symptom: data, outputs, first loss, units, gradients, then learning.
They are those that Karpathy's "A Recipe for Training Neural Networks" (2019) and the course CS231n
recommend, with bounds that stand in each check's docstring.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from nst_keras.diagnosis.checked_network import CheckedNetwork, LossSpec
from nst_keras.diagnosis.data_checks import check_data, check_input_scale, require_pairs
from nst_keras.diagnosis.findings import Finding, Report
from nst_keras.diagnosis.learning_checks import check_gradient_flow, check_learning_rate, check_overfit
from nst_keras.diagnosis.model_gradient_check import check_model_gradients
from nst_keras.diagnosis.output_checks import (
    check_activations,
    check_initial_loss,
    check_outputs,
    check_shape,
)
from nst_keras.diagnosis.settings import LEAST_PICTURES, DiagnosisSettings
from nst_keras.errors import InputError


def diagnose(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    loss: LossSpec = None,
    optimizer: keras.optimizers.Optimizer | str = "adam",
    learning_rate: float | None = None,
    num_classes: int = 0,
    **options: Any,
) -> Report:
    """Checks a classifier together with its data; the model is the same afterwards.

    Args:
        model: From images [batch, ...] to logits or probabilities [batch, classes]; learns by gradients.
        images: [n, ...]; all are used to check the data, a batch of them to check the network. Some
            hundred are enough.
        labels: Class ids, whole numbers [n].
        loss: A Keras loss, its name, or a function of class ids and outputs; None is the one that the
            model was compiled with, else the sparse cross-entropy that suits its outputs.
        optimizer: A Keras optimiser, which is copied, or its name.
        learning_rate: To be judged, above 0; None is the optimiser's own.
        num_classes: 0 for as many as the model has outputs.
        **options: Fields of `DiagnosisSettings`: batch_size, checks, seed.

    Returns:
        A finding or more for each check, in the order of `CHECKS`. Where outputs or labels don't fit
        together, checks that need the loss are left out.

    Raises:
        InputError: If an argument is out of its range, labels aren't class ids, or the model can't take
            the images.
    """
    settings = DiagnosisSettings(**options)
    checks, seed = settings.checks, settings.seed
    images, labels = np.asarray(images), np.asarray(labels)
    require_pairs(images, labels)
    tried, rate = _copy_optimizer(optimizer, learning_rate)
    findings = check_data(images, labels, num_classes, seed) if "data" in checks else []
    chosen = _choose(images, labels, settings.batch_size, seed)
    if len(chosen) < LEAST_PICTURES:
        return Report(tuple(findings))
    network = CheckedNetwork(model, images[chosen], labels[chosen].astype(np.int64), loss, num_classes)
    if "data" in checks:
        findings += check_input_scale(network.first_inputs())
    if misfit := check_shape(network):
        return Report((*findings, misfit))
    makers: dict[str, Callable[[], list[Finding]]] = {
        "outputs": lambda: check_outputs(network),
        "initial_loss": lambda: check_initial_loss(network),
        "activations": lambda: check_activations(network),
        "gradient_flow": lambda: check_gradient_flow(network),
        "gradient_check": lambda: [check_model_gradients(network, seed)],
        "learning_rate": lambda: check_learning_rate(network, tried, rate),
        "overfit": lambda: check_overfit(network),
    }
    findings += [finding for name, make in makers.items() if name in checks for finding in make()]
    return Report(tuple(findings))


def _choose(images: np.ndarray, labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Positions of finite pictures with labels that can be class ids."""
    finite = np.isfinite(images.reshape(len(images), -1).astype(np.float32)).all(axis=1)
    return np.random.default_rng(seed).permutation(np.flatnonzero(finite & (labels >= 0)))[:count]


def _copy_optimizer(
    optimizer: keras.optimizers.Optimizer | str, learning_rate: float | None
) -> tuple[keras.optimizers.Optimizer, float]:
    """An optimiser of the same kind without a history, and the rate to be judged."""
    try:
        given = keras.optimizers.get(optimizer)
    except ValueError as error:
        raise InputError(
            f"optimizer must be one that Keras knows, such as adam or sgd. Received: optimizer={optimizer}"
        ) from error
    rate = float(given.learning_rate) if learning_rate is None else learning_rate
    if not (np.isfinite(rate) and rate > 0):
        raise InputError(f"learning_rate must be a finite number above 0. Received: learning_rate={rate}")
    return type(given).from_config(given.get_config() | {"learning_rate": rate}), rate
