"""A trained stylizer of named styles, for pictures of any size; this loads no TensorFlow."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nst_keras.pictures.by_name import Reader
from nst_keras.stylizers.engines.engine import Engine
from nst_keras.stylizers.multi_style.file import read_outline, read_stylizer
from nst_keras.stylizers.painter import Painter, blend_named

if TYPE_CHECKING:
    from nst_keras.stylizers.engines.on_tensorflow import KerasNetwork


class MultiStylePainter(Painter):
    """A blend is the weights of all its styles."""

    max_pixels_in_one_piece = 2**23

    def __init__(self, spec: str, engine: Engine) -> None:
        self.spec = spec
        self.styles, self.digest = read_outline(spec)
        self.network = engine.painting(f"multi_style-{self.digest}", self._build)

    def _blend(self, styles: Sequence[str | np.ndarray], shares: Sequence[float], read: Reader) -> np.ndarray:
        return blend_named(styles, shares, self.styles, self.spec)

    def _build(self) -> "KerasNetwork":
        from nst_keras.models.multi_style_strips import stylize_in_strips
        from nst_keras.stylizers.engines.on_tensorflow import KerasNetwork

        model = read_stylizer(self.spec).model
        return KerasNetwork(model, functools.partial(stylize_in_strips, model))
