"""The gradient check of a Keras model, in float64."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras.diagnosis.checked_network import CheckedNetwork, quiet
from nst_keras.diagnosis.findings import Finding
from nst_keras.diagnosis.gradient_check import GradientRow, check_gradients, gradient_finding
from nst_keras.errors import InputError

_BATCH = 8  # pictures; more would cost time and average mistakes away
_SAMPLES = 8  # elements of each variable


def check_model_gradients(network: CheckedNetwork, seed: int = 0) -> Finding:
    """Holds each variable's gradient against central differences of the loss.

    The model is copied to float64, since float32 rounds away what a difference has to show. Dropout is
    off and normalisation uses the batch's statistics, as in training; if the loss is random even so, both
    are as in inference. Penalties on weights are left out.
    """
    labels = tf.constant(network.labels[:_BATCH])
    try:
        clone = float64_clone(network.model, network.images[:1])
        with quiet(clone):
            loss = _steady_loss(network, clone, labels)
            with tf.GradientTape() as tape:
                value = loss()
            gradients = tape.gradient(value, clone.trainable_variables)
    # What may go wrong in someone else's layer can't be listed.
    except Exception as error:
        remedy = "Give its layers get_config() and let them compute in the dtype of their inputs."
        return _not_checked("The model can't be computed in float64", error, remedy)
    rows: list[GradientRow] = []
    with quiet(clone):
        compiled = tf.function(loss)
        try:
            for number, (variable, gradient) in enumerate(
                zip(clone.trainable_variables, gradients, strict=True)
            ):
                rows += _check_variable(variable, gradient, compiled, len(labels), seed + number)
        except InputError as error:
            return _not_checked("The loss can't be differentiated", error, "See the findings above.")
    return gradient_finding(tuple(rows))


def _not_checked(what: str, error: Exception, remedy: str) -> Finding:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return Finding("gradient_check", "suspect", "not checked", f"{what}: {reason}", remedy)


def float64_clone(model: keras.Model, images: np.ndarray) -> keras.Model:
    """Copies a model with its weights, in float64 all through; `images` build it, [batch, ...]."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")  # for layers that make others inside
    try:
        if isinstance(model, keras.Sequential) or hasattr(model, "operations"):
            clone = keras.models.clone_model(model, clone_function=_float64_layer)
        else:
            clone = _float64_layer(model)
        clone(tf.constant(images, tf.float64))
        clone.set_weights(model.get_weights())
    finally:
        keras.config.set_dtype_policy(policy)
    return clone


def _float64_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
    return type(layer).from_config(_as_float64(layer.get_config()))


def _as_float64(config: Any) -> Any:
    """The configuration with every dtype policy in it replaced, also those of layers inside."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return "float64"
        return {name: _as_float64(value) for name, value in config.items()}
    return [_as_float64(value) for value in config] if isinstance(config, list) else config


def _steady_loss(network: CheckedNetwork, clone: keras.Model, labels: tf.Tensor) -> Callable[[], tf.Tensor]:
    """The loss in training mode, or in inference if it is random: augmentation can't be differentiated."""
    images = tf.constant(network.images[:_BATCH], tf.float64)

    def loss(training: bool = True) -> tf.Tensor:
        return network.loss(labels, clone(images, training=training))

    steady = abs(float(loss()) - float(loss())) < 1e-9
    return loss if steady else functools.partial(loss, training=False)


def _check_variable(
    variable: keras.Variable, gradient: tf.Tensor | None, loss: Callable[[], Any], batch_size: int, seed: int
) -> tuple[GradientRow, ...]:
    name, value = variable.path, variable.numpy()
    given = np.zeros_like(value) if gradient is None else np.asarray(tf.convert_to_tensor(gradient))

    def cost(parameters: Any) -> float:
        variable.assign(parameters[name])
        return float(loss())

    rows = check_gradients(
        cost, {name: value}, {name: given}, batch_size=batch_size, num_samples=_SAMPLES, seed=seed
    )
    variable.assign(value)
    return rows
