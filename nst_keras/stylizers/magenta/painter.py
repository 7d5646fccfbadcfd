"""Magenta's stylizers, for pictures of any size, and what is served of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from nst_keras.console.console import say
from nst_keras.models.style_predictor import NUM_NUMBERS, PAINTING_SIDE
from nst_keras.models.style_transformer import ANY_PAINTING, MIN_SIDE, NAMED_STYLES, TransformerShape
from nst_keras.models.style_transformer_strips import stylize_in_strips
from nst_keras.ops.blending import apply_strength
from nst_keras.pictures.by_name import Reader
from nst_keras.pictures.resizing import resize
from nst_keras.stylizers.magenta.networks import any_painting, named_styles
from nst_keras.stylizers.magenta.style_names import STYLE_NAMES
from nst_keras.stylizers.painter import Painter, blend_named, read_painting
from nst_keras.stylizers.served import Served
from nst_keras.stylizers.settings import FastSettings
from nst_keras.weights.magenta import CARD, DIGEST

_MAX_FILE_PIXELS = 2**24  # of a served one's files, which may be made smaller before the network sees them

# Below this strength the photo itself is mixed in: painted in a style of its own it is still a painting.
_LEAST_STYLE = 0.25


class _MagentaPainter(Painter):
    """What both share: a network that is compiled once for all sizes; a blend is the weights of its rows."""

    min_side = MIN_SIDE

    def __init__(self, spec: str, network: keras.Model, shape: TransformerShape) -> None:
        self.spec, self.digest, self._network, self._shape = spec, DIGEST, network, shape
        # Traced once for all sizes, and for each object: a method's own would warn of several objects.
        signature = [tf.TensorSpec([1, None, None, 3]), tf.TensorSpec([1, shape.num_rows])]
        self._whole = tf.function(self._paint_whole, input_signature=signature)

    def _in_strips(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        return stylize_in_strips(self._network, self._shape.num_blocks, content, blend)

    def _in_one_piece(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        pictures = self._whole(tf.constant(content[np.newaxis]), tf.constant(blend[np.newaxis]))
        return np.asarray(pictures[0])

    def _paint_whole(self, image: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        return self._network({"image": image, "style_weights": weights}, training=False)


class AnyPaintingPainter(_MagentaPainter):
    """That of any painting; a blend is the numbers of each painting, mixed, and a 1.

    Strength goes from the painting's numbers towards the photo's own (Ghiasi et al. 2017, section 4.4), and
    only in the last quarter towards the photo itself.
    """

    max_pixels_in_one_piece = 2**22

    def __init__(self, spec: str) -> None:
        self._predictor, transformer = any_painting(say)
        super().__init__(spec, transformer, ANY_PAINTING)

    def weakened(
        self, content: np.ndarray, blend: np.ndarray, settings: FastSettings
    ) -> tuple[np.ndarray, FastSettings]:
        """Mixes the photo's own numbers in, and leaves the photo itself to be mixed in at the end."""
        if (strength := settings.strength) == 1:
            return blend, settings
        own = self._numbers(content)
        mixed = (own + strength * (blend - own)).astype(np.float32)
        return mixed, replace(settings, strength=min(1.0, strength / _LEAST_STYLE))

    def _blend(self, styles: Sequence[str | np.ndarray], shares: Sequence[float], read: Reader) -> np.ndarray:
        numbers = [self._numbers(read_painting(style, read, MIN_SIDE)) for style in styles]
        blended: np.ndarray = np.tensordot(shares, numbers, 1).astype(np.float32)
        return blended

    def _numbers(self, picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = resize(picture[top : top + side, left : left + side], PAINTING_SIDE, PAINTING_SIDE)
        numbers = self._predictor(tf.constant(np.clip(square, 0, 255)[np.newaxis]))
        return np.append(np.asarray(numbers)[0], np.float32(1))


class NamedStylesPainter(_MagentaPainter):
    """That of 26 styles; a blend is the weight of each."""

    max_pixels_in_one_piece = 2**21
    styles = STYLE_NAMES

    def __init__(self, spec: str) -> None:
        super().__init__(spec, named_styles(say), NAMED_STYLES)

    def _blend(self, styles: Sequence[str | np.ndarray], shares: Sequence[float], read: Reader) -> np.ndarray:
        return blend_named(styles, shares, self.styles, self.spec)


def serve_any_painting(spec: str, note: Callable[[str], None]) -> Served:
    """Both networks of any painting; strength as in `AnyPaintingPainter`."""
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

    def stylize(images: tf.Tensor, paintings: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
        own, shares = numbers(images), strength[:, None]
        mixed = shares * numbers(paintings) + (1 - shares) * own
        painted = transformer({"image": images, "style_weights": mixed}, training=False)
        return apply_strength(images, painted, tf.minimum(1.0, strength / _LEAST_STYLE))

    variables = [*predictor.weights, *transformer.weights]
    return Served(stylize, variables, CARD | {"weights": DIGEST}, MIN_SIDE, max_file_pixels=_MAX_FILE_PIXELS)


def serve_named_styles(spec: str, note: Callable[[str], None]) -> Served:
    """The network of 26 styles, and their names."""
    network = named_styles(note)

    def stylize(images: tf.Tensor, weights: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
        painted = network({"image": images, "style_weights": weights}, training=False)
        return apply_strength(images, painted, strength)

    card = CARD | {"weights": DIGEST}
    return Served(stylize, network.weights, card, MIN_SIDE, STYLE_NAMES, max_file_pixels=_MAX_FILE_PIXELS)
