"""What is served of a trained stylizer of named styles."""

from collections.abc import Callable

import tensorflow as tf

from nst_keras.ops.blending import apply_strength
from nst_keras.ops.reflection import MIN_SIDE
from nst_keras.stylizers.multi_style.file import read_stylizer
from nst_keras.stylizers.multi_style.painter import MultiStylePainter
from nst_keras.stylizers.served import Served, spun


def serve(spec: str, note: Callable[[str], None], passes: int | None = None) -> Served:
    """The network, and the names of its styles."""
    passes = passes or MultiStylePainter.passes
    stylizer = read_stylizer(spec)

    def stylize(images: tf.Tensor, weights: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
        def paint(padded: tf.Tensor) -> tf.Tensor:
            return stylizer.model({"image": padded, "style_weights": weights}, training=False)

        painted = spun(paint, images, passes, MultiStylePainter.grid)
        return apply_strength(images, painted, strength)

    card = {**stylizer.card, "weights": stylizer.digest, "passes": passes}
    return Served(stylize, stylizer.model.weights, card, MIN_SIDE, stylizer.styles)
