"""What is served of a trained stylizer of named styles."""

from collections.abc import Callable

import tensorflow as tf

from nst_keras.ops.blending import apply_strength
from nst_keras.ops.reflection import MIN_SIDE
from nst_keras.stylizers.multi_style.file import read_stylizer
from nst_keras.stylizers.served import Served


def serve(spec: str, note: Callable[[str], None]) -> Served:
    """The network, and the names of its styles."""
    stylizer = read_stylizer(spec)

    def stylize(images: tf.Tensor, weights: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
        painted = stylizer.model({"image": images, "style_weights": weights}, training=False)
        return apply_strength(images, painted, strength)

    card = {**stylizer.card, "weights": stylizer.digest}
    return Served(stylize, stylizer.model.weights, card, MIN_SIDE, stylizer.styles)
