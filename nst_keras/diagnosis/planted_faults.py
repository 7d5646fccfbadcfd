"""Faults put into a healthy network or its data on purpose, to see what each looks like in the report."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras.diagnosis.findings import FAULTS
from nst_keras.diagnosis.settings import DebugSettings
from nst_keras.errors import InputError, require_choice
from nst_keras.layers.hand_written_dense import HandWrittenDense

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
    """Returns a copy with a fault of `findings.FAULTS`; the setup's model ends in a dense layer of logits."""
    require_choice("fault", fault, FAULTS)
    planters: dict[str, Callable[[], dict[str, Any]]] = {
        "no_batch_mean": lambda: {
            "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
        },
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


def _with_hand_written_dense(model: keras.Model, fault: str) -> keras.Model:
    last = model.layers[-1]
    if not isinstance(last, _L.Dense) or last.activation is not keras.activations.linear or not last.use_bias:
        raise InputError(f"{fault} needs a model that ends in a Dense layer of logits. Received: {last.name}")
    dense = HandWrittenDense(last.units, fault, name=last.name, dtype=last.dtype_policy)
    return _clone(model, {last.name: dense})


def _with_softmax(model: keras.Model, axis: int) -> keras.Model:
    copy = _clone(model)
    return keras.Model(copy.inputs, _L.Softmax(axis, name="softmax")(copy.outputs[0]), name=model.name)


def _without_scaling(model: keras.Model) -> keras.Model:
    names = [layer.name for layer in model.layers if isinstance(layer, _L.Rescaling)]
    if not names:
        raise InputError(f"unscaled_inputs needs a model with a Rescaling layer. Received: {model.name}")
    return _clone(model, {name: _L.Rescaling(1.0, name=name) for name in names})


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


def _clone(
    model: keras.Model, others: Mapping[str, keras.layers.Layer] = MappingProxyType({})
) -> keras.Model:
    """Copies a model with its weights; others take the places of some layers, by name."""

    def copy_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
        return others.get(layer.name) or type(layer).from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=copy_layer)
    copy.set_weights(model.get_weights())
    return copy
