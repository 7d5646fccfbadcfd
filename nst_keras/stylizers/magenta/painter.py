"""Magenta's stylizers, for pictures of any size; this loads no TensorFlow."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nst_keras.console.console import say
from nst_keras.ops.reflection import MIN_SIDE
from nst_keras.pictures.by_name import Reader
from nst_keras.pictures.resizing import resize
from nst_keras.stylizers.engines.engine import Engine
from nst_keras.stylizers.magenta.style_names import STYLE_NAMES
from nst_keras.stylizers.painter import Painter, blend_named, read_painting
from nst_keras.stylizers.settings import FastSettings
from nst_keras.weights.magenta import PAINTING_SIDE
from nst_keras.weights.magenta_release import DIGEST

if TYPE_CHECKING:
    import keras

    from nst_keras.stylizers.engines.on_tensorflow import KerasNetwork

# Below this strength the photo itself is mixed in: painted in a style of its own it is still a painting.
LEAST_STYLE = 0.25
GRID, PASSES = 4, 4  # one pass prints its grid and breaks strokes into dots


class AnyPaintingPainter(Painter):
    """That of any painting; a blend is the numbers of each painting, mixed, and a 1.

    Strength goes from the painting's numbers towards the photo's own (Ghiasi et al. 2017, section 4.4), and
    only in the last quarter towards the photo itself.
    """

    digest = DIGEST
    grid, passes = GRID, PASSES
    max_pixels_in_one_piece = 2**22

    def __init__(self, spec: str, engine: Engine) -> None:
        self.spec = spec
        networks = functools.cache(_any_painting)
        self._look = engine.looking(f"magenta_predictor-{DIGEST}", lambda: networks()[0])
        self.network = engine.painting(f"magenta-{DIGEST}", lambda: networks()[1])

    def weakened(
        self, content: np.ndarray, blend: np.ndarray, settings: FastSettings
    ) -> tuple[np.ndarray, FastSettings]:
        """Mixes the photo's own numbers in, and leaves the photo itself to be mixed in at the end."""
        if (strength := settings.strength) == 1:
            return blend, settings
        own = self._numbers(content)
        mixed = (own + strength * (blend - own)).astype(np.float32)
        return mixed, replace(settings, strength=min(1.0, strength / LEAST_STYLE))

    def _blend(self, styles: Sequence[str | np.ndarray], shares: Sequence[float], read: Reader) -> np.ndarray:
        numbers = [self._numbers(read_painting(style, read, MIN_SIDE)) for style in styles]
        blended: np.ndarray = np.tensordot(shares, numbers, 1).astype(np.float32)
        return blended

    def _numbers(self, picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = resize(picture[top : top + side, left : left + side], PAINTING_SIDE, PAINTING_SIDE)
        return np.append(self._look(np.clip(square, 0, 255)), np.float32(1))


class NamedStylesPainter(Painter):
    """That of 26 styles; a blend is the weight of each."""

    digest = DIGEST
    grid, passes = GRID, PASSES
    max_pixels_in_one_piece = 2**21
    styles = STYLE_NAMES

    def __init__(self, spec: str, engine: Engine) -> None:
        self.spec = spec
        self.network = engine.painting(f"magenta26-{DIGEST}", _named_styles)

    def _blend(self, styles: Sequence[str | np.ndarray], shares: Sequence[float], read: Reader) -> np.ndarray:
        return blend_named(styles, shares, self.styles, self.spec)


def _any_painting() -> "tuple[keras.Model, KerasNetwork]":
    from nst_keras.models.style_transformer import ANY_PAINTING
    from nst_keras.stylizers.magenta.networks import any_painting, painting_network

    predictor, transformer = any_painting(say)
    return predictor, painting_network(transformer, ANY_PAINTING)


def _named_styles() -> "KerasNetwork":
    from nst_keras.models.style_transformer import NAMED_STYLES
    from nst_keras.stylizers.magenta.networks import named_styles, painting_network

    return painting_network(named_styles(say), NAMED_STYLES)
