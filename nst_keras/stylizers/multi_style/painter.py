"""A trained stylizer of named styles, for pictures of any size, and what is served of it."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from nst_keras.models.multi_style import MIN_SIDE
from nst_keras.models.multi_style_strips import stylize_in_strips
from nst_keras.ops.blending import apply_strength
from nst_keras.pictures.by_name import Reader
from nst_keras.stylizers.multi_style.file import read_stylizer
from nst_keras.stylizers.painter import Painter, blend_named
from nst_keras.stylizers.served import Served


class MultiStylePainter(Painter):
    """A network that is compiled once for all sizes; a blend is the weights of all its styles."""

    min_side, max_pixels_in_one_piece = MIN_SIDE, 2**23

    def __init__(self, spec: str = "") -> None:
        self.spec, self.stylizer = spec, read_stylizer(spec)
        self.digest, self.styles = self.stylizer.digest, self.stylizer.styles
        # Traced once for all sizes, and for each object: a method's own would warn of several objects.
        signature = [tf.TensorSpec([1, None, None, 3]), tf.TensorSpec([1, len(self.styles)])]
        self._whole = tf.function(self._paint_whole, input_signature=signature)

    def _blend(self, styles: Sequence[str | np.ndarray], shares: Sequence[float], read: Reader) -> np.ndarray:
        return blend_named(styles, shares, self.styles, self.spec)

    def _in_strips(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        return stylize_in_strips(self.stylizer.model, content, blend)

    def _in_one_piece(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        pictures = self._whole(tf.constant(content[np.newaxis]), tf.constant(blend[np.newaxis]))
        return np.asarray(pictures[0])

    def _paint_whole(self, image: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        return self.stylizer.model({"image": image, "style_weights": weights}, training=False)


def serve(spec: str, note: Callable[[str], None]) -> Served:
    """The network, and the names of its styles."""
    stylizer = read_stylizer(spec)

    def stylize(images: tf.Tensor, weights: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
        painted = stylizer.model({"image": images, "style_weights": weights}, training=False)
        return apply_strength(images, painted, strength)

    card = {**stylizer.card, "weights": stylizer.digest}
    return Served(stylize, stylizer.model.weights, card, MIN_SIDE, stylizer.styles)
