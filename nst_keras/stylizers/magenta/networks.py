"""Magenta's networks with their weights."""

from collections.abc import Callable
from functools import partial

import keras

from nst_keras.errors import InputError
from nst_keras.models.style_predictor import style_predictor
from nst_keras.models.style_transformer import (
    ANY_PAINTING,
    NAMED_STYLES,
    TransformerShape,
    style_transformer,
)
from nst_keras.models.style_transformer_strips import stylize_in_strips
from nst_keras.stylizers.engines.on_tensorflow import KerasNetwork
from nst_keras.weights.magenta import Layers, load_any_painting, load_named_styles


def any_painting(note: Callable[[str], None]) -> tuple[keras.Model, keras.Model]:
    """What looks at a painting, and what paints; the weights are fetched at first use, with a note."""
    predictor, transformer = load_any_painting(note)
    return with_layers(style_predictor(), predictor), with_layers(
        style_transformer(ANY_PAINTING), transformer
    )


def named_styles(note: Callable[[str], None]) -> keras.Model:
    """The network of 26 styles; likewise."""
    return with_layers(style_transformer(NAMED_STYLES), load_named_styles(note))


def painting_network(transformer: keras.Model, shape: TransformerShape) -> KerasNetwork:
    """A network that paints, for pictures of any size."""
    return KerasNetwork(transformer, partial(stylize_in_strips, transformer, shape.num_blocks))


def with_layers(model: keras.Model, layers: Layers) -> keras.Model:
    """Gives a network the weights of its layers by their names."""
    try:
        for layer in model.layers:
            if layer.weights:
                layer.set_weights(layers[layer.name])
    except (KeyError, ValueError) as error:
        raise InputError(f"Magenta's {model.name} has other layers than expected: {error}") from error
    return model
