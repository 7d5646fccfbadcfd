"""What is served of a stylizer of named styles."""

from collections.abc import Callable

import tensorflow as tf

from nst_keras.models.multi_style import MIN_SIDE
from nst_keras.stylizers.multi_style.file import read_stylizer
from nst_keras.stylizers.served import Served


def serve(spec: str, note: Callable[[str], None]) -> Served:
    """The network, and the names of its styles."""
    stylizer = read_stylizer(spec)

    def stylize(images: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        return stylizer.model({"image": images, "style_weights": weights}, training=False)

    card = {**stylizer.card, "weights": stylizer.digest}
    return Served(stylize, stylizer.model.weights, card, MIN_SIDE, stylizer.styles)
