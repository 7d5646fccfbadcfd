"""Multilayer perceptron as a functional Keras model."""

from collections.abc import Sequence

import keras

from nst_keras.errors import InputError
from nst_keras.fields import BELOW_ONE, POSITIVE, Bounds, require_number

_L = keras.layers


def mlp(
    input_shape: Sequence[int],
    num_classes: int,
    *,
    hidden: Sequence[int] = (512, 256),
    activation: str = "relu",
    dropout: float = 0.3,
    batch_norm: bool = True,
    l2: float = 0.0,
    scale: float = 1 / 255,
    dtype: str | None = None,
    name: str = "mlp",
) -> keras.Model:
    """Builds hidden layers whose units each see all of the layer before, and one logit per class.

    A hidden layer is a dense one, batch normalisation, activation and dropout. With `dropout=0` and
    `batch_norm=False` the model is the one that `estimators.backpropagation` writes out.

    Args:
        input_shape: Shape of one example: [height, width, channels] or [features].
        num_classes: Number of logits; at least 2.
        hidden: Units of each hidden layer; an empty sequence gives softmax regression.
        activation: A name that Keras knows, such as "relu", "tanh" or "sigmoid".
        dropout: Share of a hidden layer's units that is silent in a training step (Srivastava et al.
            2014); below 1.
        batch_norm: Whether to normalise before each activation (Ioffe & Szegedy 2015).
        l2: λ of the term λ/2 ∑ w² over all kernels, which Keras adds to the loss; biases have none.
        scale: Factor on the inputs; 1 / 255 takes raw pixels.
        dtype: "float32", "float64", or None for Keras's default.
        name: Name of the model.

    Returns:
        A functional model from [batch, *input_shape] to logits [batch, num_classes].

    Raises:
        InputError: If an argument is out of its range.
    """
    _check(input_shape, hidden, activation)
    require_number("num_classes", num_classes, Bounds(2), whole=True)
    require_number("dropout", dropout, BELOW_ONE, whole=False)
    require_number("l2", l2, Bounds(), whole=False)
    require_number("scale", scale, POSITIVE, whole=False)
    # He et al. 2015 for units that are silent half of the time, Glorot & Bengio 2010 for the others.
    start = "he_normal" if activation == "relu" else "glorot_uniform"
    # Keras's own L2 is without the 1/2.
    penalty = keras.regularizers.L2(l2 / 2) if l2 else None
    inputs = keras.Input(tuple(input_shape), dtype=dtype, name="image")
    x = _L.Rescaling(scale, dtype=dtype, name="scale")(inputs)
    x = _L.Flatten(dtype=dtype, name="flatten")(x)
    for number, units in enumerate(hidden, start=1):
        x = _L.Dense(
            units,
            use_bias=not batch_norm,  # the normalisation has its own
            kernel_initializer=start,
            kernel_regularizer=penalty,
            dtype=dtype,
            name=f"dense{number}",
        )(x)
        if batch_norm:
            # Keras's 0.99 is too slow for small sets with few steps an epoch.
            x = _L.BatchNormalization(momentum=0.9, synchronized=True, dtype=dtype, name=f"norm{number}")(x)
        x = _L.Activation(activation, dtype=dtype, name=f"{activation}{number}")(x)
        if dropout:
            x = _L.Dropout(dropout, dtype=dtype, name=f"dropout{number}")(x)
    outputs = _L.Dense(num_classes, kernel_regularizer=penalty, dtype=dtype, name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def _check(input_shape: Sequence[int], hidden: Sequence[int], activation: str) -> None:
    if not input_shape or not all(_is_count(side) for side in input_shape):
        raise InputError(f"input_shape must be positive whole numbers. Received: input_shape={input_shape}")
    if not all(_is_count(units) for units in hidden):
        raise InputError(f"hidden must be positive whole numbers. Received: hidden={hidden}")
    try:
        keras.activations.get(activation)
    except ValueError as error:
        raise InputError(
            f"activation must be a name that Keras knows, such as relu, tanh or sigmoid. Received: "
            f"activation={activation}"
        ) from error


def _is_count(value: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
