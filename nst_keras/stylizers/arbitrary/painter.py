"""A trained stylizer of any painting, for pictures of any size."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.models.arbitrary_style import CODE_LAYER, MIN_SIDE, assemble, build_encoder, style_statistics
from nst_keras.models.arbitrary_style_strips import paint_in_strips
from nst_keras.pictures.by_name import load_picture
from nst_keras.pictures.plan import require_blend
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.stylizers.arbitrary.file import load_encoder, read_arbitrary_stylizer
from nst_keras.stylizers.painter import PainterOfAnySize


class ArbitraryPainter(PainterOfAnySize):
    """A decoder behind VGG-19, which is traced once for all sizes.

    Attributes:
        stylizer: The decoder.
        spec: Where it was read from.
        digest: Hash of all weights.
    """

    max_pixels_in_one_piece = 2**20

    def __init__(self, stylizer: str) -> None:
        """Reads the stylizer and VGG-19.

        Raises:
            InputError: If they can't be read.
        """
        self.spec, self.stylizer = stylizer, read_arbitrary_stylizer(stylizer)
        weights = load_encoder(self.stylizer)
        self.digest = self.stylizer.digest(weights)
        self._encoder = build_encoder(weights)
        self._model = assemble(self._encoder, self.stylizer.decoder)

    def blend(self, styles: Sequence[str | np.ndarray], weights: Sequence[float] = ()) -> np.ndarray:
        """Measures a style: means and deviations of relu4_1, float32 [2, 512].

        Args:
            styles: Paintings, by name or as pixels [h, w, 3] on 0..255. Those larger than in training are
                made smaller.
            weights: One for each; none for equal weights.

        Raises:
            InputError: If a painting can't be read or is too small, or the weights don't fit.
        """
        weights = tuple(weights) or (1.0,) * len(styles)
        require_blend(weights, len(styles))
        paintings = [self._painting(style) for style in styles]
        shares = [weight / sum(weights) for weight in weights]
        mean, deviation = style_statistics(self._encoder, paintings, shares)
        return np.concatenate([mean, deviation]).reshape(2, -1)

    def _in_strips(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        return paint_in_strips(self._encode, self._decode, content, blend)

    def _in_one_piece(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        mean, deviation = blend.reshape(2, 1, 1, 1, -1)
        whole: np.ndarray = self._whole(tf.constant(content[np.newaxis]), mean, deviation)[0].numpy()
        return whole

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3]), *[tf.TensorSpec([1, 1, 1, None])] * 2])
    def _whole(self, image: tf.Tensor, mean: tf.Tensor, deviation: tf.Tensor) -> tf.Tensor:
        statistics = {"mean": mean, "deviation": deviation, "strength": tf.ones([1, 1, 1, 1])}
        return self._model({"image": image, **statistics}, training=False)

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3])])
    def _encode(self, image: tf.Tensor) -> tf.Tensor:
        return self._encoder(image)[CODE_LAYER]

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 512])])
    def _decode(self, code: tf.Tensor) -> tf.Tensor:
        return self.stylizer.decoder(code)

    def _painting(self, style: str | np.ndarray) -> np.ndarray:
        painting = load_picture(style, "style") if isinstance(style, str) else style
        height, width = painting.shape[:2]
        name = f"{style}: " if isinstance(style, str) else ""
        if min(height, width) < MIN_SIDE:
            raise InputError(
                f"style: {name}a painting must be at least {MIN_SIDE}x{MIN_SIDE} pixels. "
                f"Received: {width}x{height}"
            )
        if max(height, width) <= self.stylizer.style_size:
            return painting
        smaller = fit_size(painting, self.stylizer.style_size)
        return np.clip(resize(painting, *(max(MIN_SIDE, side) for side in smaller)), 0.0, 255.0)
