"""Faults put into a healthy network or its data on purpose, to see what each looks like in the report."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras.diagnosis.findings import FAULTS
from nst_keras.diagnosis.settings import DebugSettings
from nst_keras.errors import InputError, require_choice
from nst_keras.layers.hand_written_dense import DENSE_FAULTS, HandWrittenDense

_L = keras.layers


@dataclass(frozen=True)
class TrainingSetup:
    """What `diagnostics.diagnose` is given: a model, data, a loss and a learning rate."""

    model: keras.Model  # functional, to logits
    images: np.ndarray  # [n, height, width, channels]
    labels: np.ndarray  # class ids, [n]
    loss: keras.losses.Loss = dataclasses.field(
        default_factory=lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    learning_rate: float = DebugSettings.learning_rate


def plant(fault: str, setup: TrainingSetup, seed: int = 0) -> TrainingSetup:
    """Returns a setup with one fault; the given one stays as it is.

    Args:
        fault: One of `findings.FAULTS`.
        setup: A healthy one, whose model ends in a dense layer of logits.
        seed: Of permutations and of weights that are made anew.
    """
    require_choice("fault", fault, FAULTS)
    planters: dict[str, Callable[[], dict[str, Any]]] = {
        "no_batch_mean": lambda: {"loss": _summed()},
        "softmax_twice": lambda: {"model": _with_softmax(setup.model, axis=-1)},
        "wrong_axis": lambda: {
            "model": _with_softmax(setup.model, axis=0),
            "loss": keras.losses.SparseCategoricalCrossentropy(),
        },
        "unscaled_inputs": lambda: {"model": _without_scaling(setup.model)},
        "shuffled_labels": lambda: {"labels": np.random.default_rng(seed).permutation(setup.labels)},
        "dead_relu": lambda: {"model": _with_dead_units(setup.model)},
        "high_learning_rate": lambda: {"learning_rate": 1000 * setup.learning_rate},
        "vanishing_gradient": lambda: {"model": _deep_sigmoid(setup.model, seed)},
        "constant_pictures": lambda: {"images": _spoilt(setup.images, 0.0)},
        "nan_pictures": lambda: {"images": _spoilt(setup.images, np.nan)},
    }
    make = planters.get(fault, lambda: {"model": _with_hand_written_dense(setup.model, fault)})
    return dataclasses.replace(setup, **make())


def plant_in_gradients(
    fault: str, gradients: Mapping[str, np.ndarray], name: str, batch_size: int = 1
) -> dict[str, np.ndarray]:
    """Returns a hand-written backpropagation's gradients with a fault in one of them.

    Args:
        fault: "sign_slip", "missing_bias" (for any parameter), "transposed" or "no_batch_mean".
        gradients: Arrays by parameter.
        name: The parameter.
        batch_size: For "no_batch_mean".
    """
    require_choice("fault", fault, (*DENSE_FAULTS, "no_batch_mean"))
    right = gradients[name]
    wrong = {
        "sign_slip": -right,
        "missing_bias": np.zeros_like(right),
        "transposed": right.T,
        "no_batch_mean": batch_size * right,
    }
    return {**gradients, name: wrong[fault]}


def _with_hand_written_dense(model: keras.Model, fault: str) -> keras.Model:
    last = model.layers[-1]
    if not isinstance(last, _L.Dense) or last.activation is not keras.activations.linear or not last.use_bias:
        raise InputError(f"{fault} needs a model that ends in a Dense layer of logits. Received: {last.name}")

    def exchange(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if layer is not last:
            return type(layer).from_config(config)
        return HandWrittenDense(config["units"], fault, name=config["name"], dtype=config["dtype"])

    return _clone(model, exchange)


def _with_softmax(model: keras.Model, axis: int) -> keras.Model:
    copy = _clone(model)
    return keras.Model(copy.inputs, _L.Softmax(axis, name="softmax")(copy.outputs[0]), name=model.name)


def _without_scaling(model: keras.Model) -> keras.Model:
    if not any(isinstance(layer, _L.Rescaling) for layer in model.layers):
        raise InputError(f"unscaled_inputs needs a model with a Rescaling layer. Received: {model.name}")

    def exchange(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, _L.Rescaling):
            return _L.Rescaling(1.0, name=layer.name)
        return type(layer).from_config(layer.get_config())

    return _clone(model, exchange)


def _with_dead_units(model: keras.Model) -> keras.Model:
    """Sets biases, and the offsets of normalisations, to -1000 in all layers but the last."""
    copy = _clone(model)
    for layer in copy.layers[:-1]:
        for variable in layer.trainable_variables:
            if variable.name in ("bias", "beta"):
                variable.assign(tf.fill(variable.shape, -1000.0))
    return copy


def _deep_sigmoid(model: keras.Model, seed: int) -> keras.Model:
    inputs = keras.Input(model.inputs[0].shape[1:])
    x = _L.Flatten()(_L.Rescaling(1 / 127.5, offset=-1.0)(inputs))
    for number in range(1, 11):
        start = keras.initializers.GlorotUniform(seed + number)
        x = _L.Dense(32, activation="sigmoid", kernel_initializer=start, name=f"sigmoid{number}")(x)
    start = keras.initializers.GlorotUniform(seed)
    outputs = _L.Dense(model.outputs[0].shape[-1], kernel_initializer=start, name="logits")(x)
    return keras.Model(inputs, outputs)


def _spoilt(images: np.ndarray, value: float) -> np.ndarray:
    """Every fourth picture filled with a value."""
    images = images.astype(np.float32)
    images[::4] = value
    return images


def _summed() -> keras.losses.Loss:
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")


def _clone(
    model: keras.Model, exchange: Callable[[keras.layers.Layer], keras.layers.Layer] | None = None
) -> keras.Model:
    copy = keras.models.clone_model(model, clone_function=exchange)
    copy.set_weights(model.get_weights())
    return copy
