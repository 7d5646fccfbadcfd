"""What is served of Magenta's stylizers."""

from collections.abc import Callable

import keras
import tensorflow as tf

from nst_keras.models.style_predictor import NUM_NUMBERS
from nst_keras.ops.blending import apply_strength
from nst_keras.ops.reflection import MIN_SIDE
from nst_keras.stylizers.magenta.networks import any_painting, named_styles
from nst_keras.stylizers.magenta.painter import GRID, LEAST_STYLE, PASSES
from nst_keras.stylizers.magenta.style_names import STYLE_NAMES
from nst_keras.stylizers.served import Served, spun
from nst_keras.weights.magenta import PAINTING_SIDE
from nst_keras.weights.magenta_release import CARD, DIGEST

_MAX_FILE_PIXELS = 2**24  # of a served one's files, which may be made smaller before the network sees them


def serve_any_painting(spec: str, note: Callable[[str], None], passes: int | None = None) -> Served:
    """Both networks of any painting; strength as in `AnyPaintingPainter`."""
    passes = passes or PASSES
    predictor, transformer = any_painting(note)

    def numbers(pictures: tf.Tensor) -> tf.Tensor:
        height, width = tf.unstack(tf.shape(pictures)[1:3])
        side = tf.minimum(height, width)
        squares = tf.image.crop_to_bounding_box(
            pictures, (height - side) // 2, (width - side) // 2, side, side
        )
        size = [PAINTING_SIDE, PAINTING_SIDE]
        squares = tf.clip_by_value(tf.image.resize(squares, size, "lanczos3", antialias=True), 0.0, 255.0)
        found = tf.ensure_shape(predictor(squares, training=False), [None, NUM_NUMBERS])
        return tf.pad(found, [[0, 0], [0, 1]], constant_values=1.0)

    def stylize(images: tf.Tensor, looked: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
        shares = strength[:, None]
        mixed = shares * looked + (1 - shares) * numbers(images)
        painted = _spun(transformer, images, mixed, passes)
        return apply_strength(images, painted, tf.minimum(1.0, strength / LEAST_STYLE))

    variables = [*predictor.weights, *transformer.weights]
    card = CARD | {"weights": DIGEST, "passes": passes}
    return Served(stylize, variables, card, MIN_SIDE, max_file_pixels=_MAX_FILE_PIXELS, look=numbers)


def serve_named_styles(spec: str, note: Callable[[str], None], passes: int | None = None) -> Served:
    """The network of 26 styles, and their names."""
    passes = passes or PASSES
    network = named_styles(note)

    def stylize(images: tf.Tensor, weights: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
        painted = _spun(network, images, weights, passes)
        return apply_strength(images, painted, strength)

    card = CARD | {"weights": DIGEST, "passes": passes}
    return Served(stylize, network.weights, card, MIN_SIDE, STYLE_NAMES, max_file_pixels=_MAX_FILE_PIXELS)


def _spun(network: keras.Model, images: tf.Tensor, weights: tf.Tensor, passes: int) -> tf.Tensor:
    def paint(padded: tf.Tensor) -> tf.Tensor:
        return network({"image": padded, "style_weights": weights}, training=False)

    return spun(paint, images, passes, GRID)
