"""What all trained stylizers share that paint pictures of any size; this loads no TensorFlow."""

import abc
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nst_keras.errors import InputError, did_you_mean
from nst_keras.ops.cycle_spinning import cycle_spun
from nst_keras.ops.reflection import MIN_SIDE
from nst_keras.pictures.by_name import Reader, load_picture
from nst_keras.pictures.finishing import finish
from nst_keras.pictures.masks import resize_mask
from nst_keras.pictures.plan import blend_shares
from nst_keras.pictures.record import digests
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.stylizers.archive import name_of
from nst_keras.stylizers.engines.engine import PaintingNetwork
from nst_keras.stylizers.settings import FastSettings


class PaintedPart(NamedTuple):
    """A part of a picture with a style of its own.

    Attributes:
        mask: How much of each place belongs to it, float32 [h, w] on 0..1, of any size.
        blend: As `Painter.paint` takes it.
    """

    mask: np.ndarray
    blend: np.ndarray


class Painter(abc.ABC):
    """A stylizer that paints a picture in one piece, or strip by strip if it is large.

    Attributes:
        spec: Where it was read from; "" is the one that comes with the package.
        digest: Hash of its weights.
        styles: Names of the styles that it knows; none if a style is any painting.
        min_side: Least height and width of what it paints, in pixels.
        grid: Pixels by which the network's grid repeats.
        passes: How many times a picture is painted unless settings say; see `cycle_spun`.
        max_pixels_in_one_piece: Of the pictures that aren't large; such a piece takes about 1 GB.
        keeps_last: Whether `paint` keeps what the network made last, so that another strength, or other
            colours, of the same picture cost no time.
        network: What paints, on an engine.
    """

    spec: str
    digest: str
    styles: tuple[str, ...] = ()
    min_side = MIN_SIDE
    grid = 8
    passes = 1
    max_pixels_in_one_piece: int
    keeps_last = False
    _last: tuple[tuple[object, ...], np.ndarray] = ((), np.empty(0))
    network: PaintingNetwork

    def blend(
        self, styles: Sequence[str | np.ndarray], weights: Sequence[float] = (), read: Reader = load_picture
    ) -> np.ndarray:
        """Mixes styles into one, as `paint` takes it.

        Args:
            styles: Names, or paintings if it takes any, by name or as pixels [h, w, 3] on 0..255.
            weights: One for each; none for equal weights.
            read: Reads paintings that are given by name.
        """
        return self._blend(styles, blend_shares(weights, len(styles)), read)

    def paint(self, content: np.ndarray, blend: np.ndarray, settings: FastSettings) -> np.ndarray:
        """Paints a content [h, w, 3] on 0..255 as float32 [H, W, 3] whose size the settings say."""
        content = self.fitted(content, settings)
        blend, left = self.weakened(content, blend, settings)
        if not self.keeps_last:
            return finish(self.painted(content, blend, settings), content, left)
        key = (*digests([content, blend]), content.shape, settings.precision, settings.passes)
        if key != self._last[0]:
            self._last = key, self.painted(content, blend, settings)
        return finish(self._last[1], content, left)

    def paint_parts(
        self, content: np.ndarray, parts: Sequence[PaintedPart], settings: FastSettings
    ) -> np.ndarray:
        """Paints each part in its own style; what is in none stays the content."""
        if len(parts) == 1 and parts[0].mask.min() == 1:
            return self.paint(content, parts[0].blend, settings)
        photo = self.fitted(content, settings)
        result = photo.copy()
        for part in parts:
            share = resize_mask(part.mask, *photo.shape[:2])[..., np.newaxis]
            result += share * (self.paint(content, part.blend, settings) - photo)
        return np.clip(result, 0, 255)

    def weakened(
        self, content: np.ndarray, blend: np.ndarray, settings: FastSettings
    ) -> tuple[np.ndarray, FastSettings]:
        """The blend by which a content of the wanted size is painted, and what is left for `finish` to do.

        Here strength is left to it, which mixes content and painting.
        """
        return blend, settings

    def painted(
        self, content: np.ndarray, blend: np.ndarray, settings: FastSettings = FastSettings()
    ) -> np.ndarray:
        """What the network makes of a picture of the wanted size, float32 [H, W, 3] on 0..255.

        Of the settings, precision and passes count. Pictures that are painted strip by strip are computed in
        float32 whatever they say.
        """
        height, width = content.shape[:2]
        in_strips = height * width > self.max_pixels_in_one_piece

        def paint(picture: np.ndarray) -> np.ndarray:
            if in_strips:
                return self.network.in_strips(picture, blend)
            return self.network.in_one_piece(picture, blend, settings.precision)

        try:
            return cycle_spun(paint, content, settings.passes or self.passes, self.grid)
        except MemoryError as error:
            raise InputError(f"there is not enough memory for {width}x{height} pixels: lower size") from error

    def fitted(self, content: np.ndarray, settings: FastSettings) -> np.ndarray:
        """The content at the size of the picture, float32 [H, W, 3] on 0..255."""
        return np.clip(resize(content, *self.painted_size(content, settings)), 0.0, 255.0)

    def painted_size(self, content: np.ndarray, settings: FastSettings) -> tuple[int, int]:
        """Height and width of the picture that is made of a content, unless a side would be too short."""
        own = content.shape[0], content.shape[1]
        size = fit_size(content, settings.longest_side(max(own)))
        least = self.min_side
        for what, (height, width) in (("the content image is", own), ("the painted picture would be", size)):
            if min(height, width) < least:
                raise InputError(f"{what} {width}x{height} pixels but must be at least {least}x{least}")
        return size

    @abc.abstractmethod
    def _blend(
        self, styles: Sequence[str | np.ndarray], shares: Sequence[float], read: Reader
    ) -> np.ndarray: ...


def blend_named(
    styles: Sequence[str | np.ndarray], shares: Sequence[float], known: Sequence[str], spec: str
) -> np.ndarray:
    """Shares of all styles that a stylizer, read from `spec`, knows: float32 [styles]."""
    blended = np.zeros(len(known), np.float32)
    for style, share in zip(styles, shares, strict=True):
        if not isinstance(style, str) or style not in known:
            named = style if isinstance(style, str) else "a picture"
            raise InputError(
                f"style: {name_of(spec)} knows the styles {', '.join(known)}. Received: {named} (others, and "
                "optimisation, take any painting; nst-train-stylizer teaches a stylizer new ones)"
                + did_you_mean(named, known)
            )
        blended[known.index(style)] += share
    return blended


def read_painting(style: str | np.ndarray, read: Reader, least: int) -> np.ndarray:
    """A painting [h, w, 3] on 0..255, whose sides must have so many pixels at least."""
    painting = read(style, "style") if isinstance(style, str) else style
    height, width = painting.shape[:2]
    if min(height, width) < least:
        name = f"{style}: " if isinstance(style, str) else ""
        raise InputError(
            f"style: {name}a painting must be at least {least}x{least} pixels. Received: {width}x{height}"
        )
    return painting
