"""Style transfer in one pass, by a trained network."""

import functools
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from nst_keras.api.painting import Painting
from nst_keras.api.style_transfer import Masks, paint_all
from nst_keras.api.watching import ProgressBar
from nst_keras.fields import change_settings
from nst_keras.pictures.by_name import file_stamp
from nst_keras.pictures.finishing import rounded
from nst_keras.pictures.image_like import ImageLike, listed, name_in_recipe, to_pixels, weighted
from nst_keras.pictures.masks import WHOLE, require_names
from nst_keras.pictures.plan import StylizeJob, blend_shares, blend_weights
from nst_keras.pictures.record import input_digests
from nst_keras.pictures.transparency import with_alpha
from nst_keras.stylizers.by_name import load_painter
from nst_keras.stylizers.engines.settings import EngineSettings
from nst_keras.stylizers.job import painted_record
from nst_keras.stylizers.painter import PaintedPart, Painter
from nst_keras.stylizers.settings import FastSettings

_reading = threading.Lock()


class Stylizer:
    """Paints photos in one pass, by a trained stylizer, which is read once and kept.

    Threads may share an object; calls of different `precision` must not overlap, since TensorFlow keeps it
    for the whole process.

    >>> stylizer = Stylizer()
    >>> "starry_night" in stylizer.styles
    True
    >>> stylizer("sample:china", "starry_night", size=64).shape
    (43, 64, 3)

    Args:
        stylizer: A file of nst-train-stylizer, or "magenta" (any painting) or "magenta26" (styles by name),
            which are fetched at first use; empty is the one that comes with the package.

        engine: What the network runs on: "tensorflow", or "onnxruntime", which starts at once and needs the
            extra [light]; "auto" is the latter for all that it can do, if it is there.

    Raises:
        InputError: If it can't be read.

    Attributes:
        styles: Names of the styles that it knows; none if a style is any painting.
    """

    def __init__(self, stylizer: str | os.PathLike[str] = "", engine: str = EngineSettings.engine) -> None:
        spec = os.fspath(stylizer)
        with _reading:
            self._painter = _kept_painter(spec, engine, file_stamp(spec))
        self.styles = self._painter.styles

    def __repr__(self) -> str:
        """Where it comes from."""
        return f"Stylizer({self._painter.spec!r})"

    def __call__(
        self,
        content: ImageLike | Sequence[ImageLike],
        styles: ImageLike | Sequence[ImageLike] | Mapping[str, float],
        *,
        style_weights: Sequence[float] | Mapping[str, float] | None = None,
        size: int | None = FastSettings.size,
        strength: float = FastSettings.strength,
        preserve_color: str | bool = FastSettings.preserve_color,
        color_strength: float = FastSettings.color_strength,
        precision: str = FastSettings.precision,
        passes: int | None = FastSettings.passes,
        content_mask: ImageLike | None = None,
        style_mask: str | Sequence[str] | None = None,
        progress: bool | None = None,
    ) -> Painting:
        """Paints a photo, or several; see `paint`."""
        settings = change_settings(
            FastSettings(),
            {
                "size": size,
                "strength": strength,
                "preserve_color": preserve_color,
                "color_strength": color_strength,
                "precision": precision,
                "passes": passes,
            },
        )
        names, weights = weighted(styles, style_weights)
        weights = blend_weights(weights, len(names))
        style_inputs = [
            name if self.styles and isinstance(name, str) else self._painting(name) for name in names
        ]
        shares = blend_shares(weights, len(names))
        masks = Masks(content_mask, style_mask)
        require_names(masks.styles)
        blends: dict[tuple[float, ...], np.ndarray] = {}

        def blended(mixture: Sequence[float]) -> np.ndarray:
            if tuple(mixture) not in blends:
                chosen = [(style, share) for style, share in zip(style_inputs, mixture, strict=True) if share]
                blends[tuple(mixture)] = self._painter.blend(*zip(*chosen, strict=True))
            return blends[tuple(mixture)]

        def parts_of(photo: np.ndarray) -> list[PaintedPart]:
            regions = masks.regions(photo, [photo] * len(shares), shares)
            return [PaintedPart(each.mask, blended(each.blend)) for each in regions] or [
                PaintedPart(WHOLE, blended(shares))
            ]

        if masks.content is None:
            blended(shares)  # so that a mistake is told before a photo is read
        paintings = [style for style in style_inputs if not isinstance(style, str)]
        count = len(listed(content) or [content])
        with ProgressBar(count, "picture", progress if count > 1 else False) as bar:

            def paint(photo: ImageLike) -> Painting:
                pixels = to_pixels(photo, "content")
                painted = rounded(self._painter.paint_parts(pixels.rgb, parts_of(pixels.rgb), settings))
                job = StylizeJob(
                    name_in_recipe(photo),
                    tuple(map(name_in_recipe, names)),
                    weights,
                    Path(),
                    content_mask=masks.name,
                    style_masks=masks.style_names,
                )
                record = painted_record(job, settings, self._painter)
                bar.advance()
                recipe = record | {"pictures": input_digests(pixels, [*paintings, *masks.pictures()])}
                return Painting(with_alpha(painted, pixels.alpha), recipe)

            return paint_all(content, paint)

    def _painting(self, style: ImageLike) -> np.ndarray:
        return to_pixels(style, "style").rgb


@functools.lru_cache(maxsize=4)
def _kept_painter(spec: str, engine: str, stamp: tuple[int, ...]) -> Painter:
    """Read anew if the file has another stamp."""
    return load_painter(spec, engine)
