"""A trained stylizer of any painting, for pictures of any size, and what is served of it."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from nst_keras.models.arbitrary_style import CODE_LAYER, MIN_SIDE, assemble, build_encoder, style_statistics
from nst_keras.models.arbitrary_style_strips import paint_in_strips
from nst_keras.ops.blending import apply_strength
from nst_keras.ops.instance_statistics import instance_statistics
from nst_keras.pictures.by_name import Reader
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.served.picture_checks import limited
from nst_keras.stylizers.arbitrary.encoder import load_encoder
from nst_keras.stylizers.arbitrary.file import read_arbitrary_stylizer
from nst_keras.stylizers.painter import Painter, read_painting
from nst_keras.stylizers.served import Served

_MAX_FILE_PIXELS = 2**24  # of a served one's files, which are made smaller before the network sees them


class ArbitraryPainter(Painter):
    """A decoder behind VGG-19, which is compiled once for all sizes.

    A blend is means and deviations of relu4_1, float32 [2, 512], mixed. Paintings that are larger than those
    of the training are made smaller.
    """

    min_side, max_pixels_in_one_piece = MIN_SIDE, 2**20

    def __init__(self, spec: str) -> None:
        self.spec, self.stylizer = spec, read_arbitrary_stylizer(spec)
        weights = load_encoder(self.stylizer.encoder)
        self.digest = self.stylizer.digest(weights)
        self._encoder = build_encoder(weights)
        self._model = assemble(self._encoder, self.stylizer.decoder)
        # Traced once for all sizes, and for each object: a method's own would warn of several objects.
        image, statistic, code = ([1, None, None, 3], [1, 1, 1, None], [1, None, None, 512])
        self._whole = tf.function(self._paint_whole, [*map(tf.TensorSpec, (image, statistic, statistic))])
        self._encode = tf.function(lambda image: self._encoder(image)[CODE_LAYER], [tf.TensorSpec(image)])
        self._decode = tf.function(lambda code: self.stylizer.decoder(code), [tf.TensorSpec(code)])

    def _blend(self, styles: Sequence[str | np.ndarray], shares: Sequence[float], read: Reader) -> np.ndarray:
        paintings = [self._painting(style, read) for style in styles]
        return np.concatenate(style_statistics(self._encoder, paintings, shares)).reshape(2, -1)

    def _in_strips(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        return paint_in_strips(self._encode, self._decode, content, blend)

    def _in_one_piece(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        mean, deviation = blend.reshape(2, 1, 1, 1, -1)
        return np.asarray(self._whole(tf.constant(content[np.newaxis]), mean, deviation)[0])

    def _paint_whole(self, image: tf.Tensor, mean: tf.Tensor, deviation: tf.Tensor) -> tf.Tensor:
        statistics = {"mean": mean, "deviation": deviation, "strength": tf.ones([1, 1, 1, 1])}
        return self._model({"image": image, **statistics}, training=False)

    def _painting(self, style: str | np.ndarray, read: Reader) -> np.ndarray:
        painting = read_painting(style, read, MIN_SIDE)
        if max(painting.shape[:2]) <= self.stylizer.style_size:
            return painting
        smaller = fit_size(painting, self.stylizer.style_size)
        return np.clip(resize(painting, *(max(MIN_SIDE, side) for side in smaller)), 0.0, 255.0)


def serve(spec: str, note: Callable[[str], None]) -> Served:
    """The decoder behind the encoder."""
    stylizer = read_arbitrary_stylizer(spec)
    weights = load_encoder(stylizer.encoder, note)
    # Winograd's filters would be saved too, several times as large.
    encoder = build_encoder(weights, convolution="direct")
    model = assemble(encoder, stylizer.decoder)

    def stylize(images: tf.Tensor, paintings: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
        # Strokes are learnt at the size that paintings had in training.
        paintings = limited(paintings, tf.constant(stylizer.style_size), MIN_SIDE)
        mean, deviation = instance_statistics(encoder(paintings)[CODE_LAYER])
        inputs = {"mean": mean, "deviation": deviation, "strength": tf.ones([tf.shape(images)[0], 1, 1, 1])}
        return apply_strength(images, model({"image": images, **inputs}, training=False), strength)

    card = {**stylizer.card, "weights": stylizer.digest(weights), "style_size": stylizer.style_size}
    return Served(stylize, model.weights, card, MIN_SIDE, max_file_pixels=_MAX_FILE_PIXELS)
