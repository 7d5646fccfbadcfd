"""A trained stylizer that paints pictures of any size."""

import abc
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.fields import MIXED_BFLOAT16
from nst_keras.models.multi_style import MIN_SIDE
from nst_keras.models.multi_style_strips import stylize_in_strips
from nst_keras.ops.blending import apply_strength
from nst_keras.ops.precision import bfloat16_products
from nst_keras.pictures.color import with_colors_of
from nst_keras.pictures.plan import require_blend
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.stylizers.multi_style.file import Stylizer, load_stylizer
from nst_keras.stylizers.settings import FastSettings


class PainterOfAnySize(abc.ABC):
    """What paints a picture in one piece, or strip by strip if it is large.

    Attributes:
        max_pixels_in_one_piece: Of the pictures that aren't large; such a piece takes about 1 GB.
    """

    max_pixels_in_one_piece: int

    def paint(self, content: np.ndarray, blend: np.ndarray, settings: FastSettings) -> np.ndarray:
        """Paints a picture.

        Args:
            content: float32 [h, w, 3], RGB on 0..255.
            blend: As `blend` returns it.
            settings: How.

        Returns:
            uint8 [H, W, 3], RGB, whose longest side is `settings.size`.

        Raises:
            InputError: If a side is too short.
        """
        content = fitted_content(content, settings)
        return finish(content, self.painted(content, blend, settings.precision), settings)

    def painted(
        self, content: np.ndarray, blend: np.ndarray, precision: str = FastSettings.precision
    ) -> np.ndarray:
        """What the network makes of a picture of the wanted size, float32 [H, W, 3] on 0..255.

        Pictures that are painted strip by strip are computed in float32 whatever `precision` says.

        Raises:
            InputError: If there is too little memory.
        """
        height, width = content.shape[:2]
        try:
            if height * width > self.max_pixels_in_one_piece:
                return self._in_strips(content, blend)
            with bfloat16_products(precision == MIXED_BFLOAT16):
                return self._in_one_piece(content, blend)
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            raise InputError(f"there is not enough memory for {width}x{height} pixels: lower size") from error

    @abc.abstractmethod
    def _in_one_piece(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray: ...

    @abc.abstractmethod
    def _in_strips(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray: ...


class Painter(PainterOfAnySize):
    """A stylizer with its compiled network, which is traced once for all sizes.

    Attributes:
        stylizer: The network and the names of its styles.
        spec: Where it was read from.
        name: What messages call it.
        digest: Hash of its weights.
    """

    max_pixels_in_one_piece = 2**23

    def __init__(self, stylizer: str = "") -> None:
        """Reads the stylizer: a file, or "" for the one that comes with the package.

        Raises:
            InputError: If it can't be read.
        """
        self.stylizer: Stylizer = load_stylizer(stylizer)
        self.spec, self.name = stylizer, stylizer or "the package's stylizer"
        self.digest = self.stylizer.digest

    def blend(self, styles: Sequence[str | np.ndarray], weights: Sequence[float] = ()) -> np.ndarray:
        """Weights of all the stylizer's styles, float32 [num_styles], that add up to 1.

        Args:
            styles: Names of those to blend.
            weights: One for each; none for equal weights.

        Raises:
            InputError: If a name isn't known or the weights don't fit.
        """
        known = self.stylizer.styles
        for style in styles:
            if not isinstance(style, str) or style not in known:
                received = style if isinstance(style, str) else "a picture"
                raise InputError(
                    f"style: {self.name} knows the styles {', '.join(known)}. Received: {received} "
                    "(without --fast a style is any painting; nst-train-stylizer teaches a stylizer new ones)"
                )
        weights = tuple(weights) or (1.0,) * len(styles)
        require_blend(weights, len(styles))
        blended = np.zeros(len(known), np.float32)
        for style, weight in zip(styles, weights, strict=True):
            blended[known.index(str(style))] += weight / sum(weights)
        return blended

    def _in_strips(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        return stylize_in_strips(self.stylizer.model, content, blend)

    def _in_one_piece(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        whole: np.ndarray = self._whole(tf.constant(content[np.newaxis]), tf.constant(blend[np.newaxis]))[
            0
        ].numpy()
        return whole

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3]), tf.TensorSpec([1, None])])
    def _whole(self, image: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        weights = tf.ensure_shape(weights, [1, len(self.stylizer.styles)])
        return self.stylizer.model({"image": image, "style_weights": weights}, training=False)


def fitted_content(content: np.ndarray, settings: FastSettings) -> np.ndarray:
    """The content at the size of the picture, float32 [H, W, 3] on 0..255.

    Raises:
        InputError: If a side would be too short for a stylizer.
    """
    return np.clip(resize(content, *painted_size(content, settings)), 0.0, 255.0)


def painted_size(content: np.ndarray, settings: FastSettings) -> tuple[int, int]:
    """Height and width of the picture that is made of a content [h, w, 3].

    Raises:
        InputError: If a side would be too short for a stylizer.
    """
    own = content.shape[0], content.shape[1]
    size = fit_size(content, settings.size) if settings.size else own
    for what, sides in (("the content image is", own), ("the painted picture would be", size)):
        if min(sides) < MIN_SIDE:
            raise InputError(
                f"{what} {sides[1]}x{sides[0]} pixels but must be at least {MIN_SIDE}x{MIN_SIDE}"
            )
    return size


def finish(content: np.ndarray, painted: np.ndarray, settings: FastSettings) -> np.ndarray:
    """The picture as it is kept, uint8 [H, W, 3]: colours and strength as wanted, clipped and rounded."""
    if settings.preserve_color:
        painted = with_colors_of(painted, content)
    strength = np.array([settings.strength], np.float32)
    mixed = apply_strength(content[np.newaxis], painted[np.newaxis], strength)[0]
    return np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)
