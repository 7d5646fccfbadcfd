"""A trained stylizer of any painting, for pictures of any size."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from nst_keras.models.arbitrary_style import CODE_LAYER, assemble, build_encoder, style_statistics
from nst_keras.models.arbitrary_style_strips import paint_in_strips
from nst_keras.ops.reflection import MIN_SIDE
from nst_keras.pictures.by_name import Reader
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.stylizers.arbitrary.encoder import load_encoder
from nst_keras.stylizers.arbitrary.file import read_arbitrary_stylizer
from nst_keras.stylizers.engines.engine import Engine
from nst_keras.stylizers.engines.on_tensorflow import TensorFlowNetwork
from nst_keras.stylizers.painter import Painter, read_painting


class ArbitraryPainter(Painter):
    """A blend is means and deviations of relu4_1, float32 [2, 512], mixed.

    Paintings that are larger than those of the training are made smaller.
    """

    max_pixels_in_one_piece = 2**20

    def __init__(self, spec: str, engine: Engine) -> None:
        self.spec, self.stylizer = spec, read_arbitrary_stylizer(spec)
        weights = load_encoder(self.stylizer.encoder)
        self.digest = self.stylizer.digest(weights)
        self._encoder = build_encoder(weights)
        self.network = _Network(self._encoder, self.stylizer.decoder)

    def _blend(self, styles: Sequence[str | np.ndarray], shares: Sequence[float], read: Reader) -> np.ndarray:
        paintings = [self._painting(style, read) for style in styles]
        return np.concatenate(style_statistics(self._encoder, paintings, shares)).reshape(2, -1)

    def _painting(self, style: str | np.ndarray, read: Reader) -> np.ndarray:
        painting = read_painting(style, read, MIN_SIDE)
        if max(painting.shape[:2]) <= self.stylizer.style_size:
            return painting
        smaller = fit_size(painting, self.stylizer.style_size)
        return np.clip(resize(painting, *(max(MIN_SIDE, side) for side in smaller)), 0.0, 255.0)


class _Network(TensorFlowNetwork):
    """A decoder behind VGG-19."""

    def __init__(self, encoder: keras.Model, decoder: keras.Model) -> None:
        self._model = assemble(encoder, decoder)
        # Traced once for all sizes, and for each object: a method's own would warn of several objects.
        image, statistic, code = ([1, None, None, 3], [1, 1, 1, None], [1, None, None, 512])
        self._compiled = tf.function(self._paint, [*map(tf.TensorSpec, (image, statistic, statistic))])
        self._encode = tf.function(lambda image: encoder(image)[CODE_LAYER], [tf.TensorSpec(image)])
        self._decode = tf.function(lambda code: decoder(code), [tf.TensorSpec(code)])

    def _strips(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        return paint_in_strips(self._encode, self._decode, content, blend)

    def _whole(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        mean, deviation = blend.reshape(2, 1, 1, 1, -1)
        return np.asarray(self._compiled(tf.constant(content[np.newaxis]), mean, deviation)[0])

    def _paint(self, image: tf.Tensor, mean: tf.Tensor, deviation: tf.Tensor) -> tf.Tensor:
        statistics = {"mean": mean, "deviation": deviation, "strength": tf.ones([1, 1, 1, 1])}
        return self._model({"image": image, **statistics}, training=False)
