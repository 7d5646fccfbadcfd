"""Style transfer by optimisation, for any photo and any paintings.

TensorFlow is loaded at the first call: a stylizer may do without it.
"""

import dataclasses
import functools
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nst_keras.api.painting import Painting
from nst_keras.api.watching import Callback, ProgressBar
from nst_keras.errors import InputError, require_choice
from nst_keras.fields import change_settings, parse_settings
from nst_keras.losses.settings import LossSettings
from nst_keras.pictures.by_name import file_stamp
from nst_keras.pictures.finishing import rounded
from nst_keras.pictures.image_like import ImageLike, listed, name_in_recipe, to_pixels, weighted
from nst_keras.pictures.masks import Region, plan_regions
from nst_keras.pictures.plan import StylizeJob, blend_weights
from nst_keras.pictures.record import input_digests, record_of
from nst_keras.pictures.settings import REGION_COLORS
from nst_keras.pictures.transparency import with_alpha
from nst_keras.transfer.presets import PRESETS
from nst_keras.transfer.progress import StateWatch
from nst_keras.transfer.settings import INITS, StyleTransferSettings
from nst_keras.weights.vgg19 import load_vgg19, vgg19_files

if TYPE_CHECKING:
    from nst_keras.transfer.descent import AnyObjective, Pictures, State

_building = threading.Lock()


def make_settings(settings: StyleTransferSettings | str, changes: Mapping[str, Any]) -> StyleTransferSettings:
    """A preset by its name, or settings, with changes."""
    if isinstance(settings, str):
        require_choice("preset", settings, PRESETS)
        settings = PRESETS[settings]
    for name in changes:
        require_choice("setting", name, [field.name for field in dataclasses.fields(settings)])
    return change_settings(settings, changes)


class StyleTransfer:
    """Paints photos in the style of paintings, by optimisation (Gatys et al. 2016, from coarse to fine).

    The network and its compiled step are built at the first call and kept for the next ones, also of other
    objects whose settings have the same loss. Threads may share an object, and paint at once.

    >>> transfer = StyleTransfer("preview", size=64, num_steps=2, coarse_steps=0)
    >>> transfer("sample:china", "sample:ink").shape
    (43, 64, 3)

    Args:
        settings: Those of a preset by name ("default", "preview", "gatys" or "notebook"), or settings.
        vgg: Weights of the network: a .mat file, "8bit", "imported", or "" for what there is.
        **changes: Fields of `StyleTransferSettings`, such as `size=1024`, that are to be different.

    Raises:
        InputError: If the preset or a setting isn't known, or a value is out of range.

    Attributes:
        settings: How pictures are made.
    """

    def __init__(
        self,
        settings: StyleTransferSettings | str = "default",
        *,
        vgg: str | os.PathLike[str] = "",
        **changes: Any,
    ) -> None:
        self.settings = make_settings(settings, changes)
        self._vgg = os.fspath(vgg)

    def __repr__(self) -> str:
        """The settings."""
        return f"StyleTransfer({self.settings})"

    def __call__(
        self,
        content: ImageLike | Sequence[ImageLike],
        styles: ImageLike | Sequence[ImageLike] | Mapping[str, float],
        *,
        style_weights: Sequence[float] | Mapping[str, float] | None = None,
        init: ImageLike | None = None,
        content_mask: ImageLike | None = None,
        style_mask: ImageLike | Sequence[ImageLike] | None = None,
        callback: Callback | None = None,
        progress: bool | None = None,
    ) -> Painting:
        """Paints a photo, or several; see `stylize`."""
        names, weights = weighted(styles, style_weights)
        weights = blend_weights(weights, len(names))
        start = init if init is not None or self.settings.init in INITS else self.settings.init
        paintings = [to_pixels(style, "style").rgb for style in names]
        first = None if start is None else to_pixels(start, "init").rgb
        shares = [weight / sum(weights) for weight in weights]
        masks = Masks(content_mask, style_mask)

        def regions_of(photo: np.ndarray) -> Sequence[Region]:
            return masks.regions(photo, paintings, shares)

        for photo in (listed(content) or [content]) if masks.content is not None else []:
            regions_of(to_pixels(photo, "content").rgb)
        from nst_keras.transfer.descent import Pictures

        # Built only now, so that a mistake above is told at once.
        objective, digest = _network(self.settings, self._vgg)
        maker = {"vgg": self._vgg, "vgg_digest": digest}

        def paint(photo: ImageLike) -> Painting:
            pixels = to_pixels(photo, "content")
            pictures = Pictures(pixels.rgb, paintings, shares, first, regions_of(pixels.rgb))
            painted = self._paint(pictures, objective, callback, progress)
            job = StylizeJob(
                name_in_recipe(photo),
                tuple(map(name_in_recipe, names)),
                weights,
                Path(),
                content_mask=masks.name,
                style_masks=masks.style_names,
            )
            others = [*paintings, *([] if first is None else [first]), *masks.pictures()]
            recipe = record_of(job, self.settings, maker) | {"pictures": input_digests(pixels, others)}
            return Painting(with_alpha(painted, pixels.alpha), recipe)

        return paint_all(content, paint)

    def _paint(
        self,
        pictures: "Pictures",
        objective: "AnyObjective",
        callback: Callback | None,
        progress: bool | None,
    ) -> np.ndarray:
        from nst_keras.transfer.descent import finished_image, optimize_image, plan_scales

        scales = plan_scales(pictures.content, self.settings)
        watch = StateWatch(scales, self.settings.margin)
        with ProgressBar(sum(scale.num_steps for scale in scales), "step", progress) as bar:

            def after_step(state: "State") -> bool:
                moment = watch.see(state)
                bar.advance(text=f"{moment.place} loss {moment.values['total']:.4g}")
                return bool(callback(moment)) if callback else False

            state = optimize_image(objective, pictures, scales, self.settings, callback=after_step)
        return rounded(finished_image(state, pictures, self.settings))


class Masks:
    """Masks as a caller gives them, for photos of one shape."""

    def __init__(
        self, content: ImageLike | None, styles: ImageLike | Sequence[ImageLike] | None = None
    ) -> None:
        if content is None and styles is not None:
            raise InputError("style_mask needs a content_mask, whose regions it is about")
        given = [] if styles is None else listed(styles) or [styles]
        words = [mask for mask in given if isinstance(mask, str) and mask in REGION_COLORS]
        self.content = None if content is None else to_pixels(content, "content_mask").rgb
        self.styles = [mask if mask in words else to_pixels(mask, "style_mask").rgb for mask in given]
        self.name = "" if content is None else name_in_recipe(content)
        self.style_names = tuple(map(name_in_recipe, given))

    def pictures(self) -> list[np.ndarray]:
        """All that are pictures."""
        return [mask for mask in (self.content, *self.styles) if isinstance(mask, np.ndarray)]

    def regions(
        self, photo: np.ndarray, paintings: Sequence[np.ndarray], shares: Sequence[float]
    ) -> Sequence[Region]:
        """Those of a photo; none without a mask."""
        if self.content is None:
            return ()
        return plan_regions(photo, paintings, shares, self.content, self.styles)


def paint_all(content: Any, paint: Callable[[ImageLike], Painting]) -> Any:
    """A picture for a photo, a list for several, and an array [N, H, W, channels] for a batch."""
    photos = listed(content)
    if photos is None:
        return paint(content)
    pictures = [paint(photo) for photo in photos]
    return (
        pictures if isinstance(content, (list, tuple)) else np.stack([np.asarray(each) for each in pictures])
    )


def _network(settings: StyleTransferSettings, vgg: str) -> "tuple[AnyObjective, str]":
    loss = json.dumps({"method": settings.method} | settings.narrowed(LossSettings).to_dict())
    stamps = tuple(file_stamp(str(path)) for path in vgg19_files(vgg))
    with _building:  # else two threads would build it, and trace it at once
        return _kept_network(loss, vgg, stamps)


@functools.lru_cache(maxsize=2)  # a network with its filters takes up to half a gigabyte
def _kept_network(loss: str, vgg: str, stamps: tuple[tuple[int, ...], ...]) -> "tuple[AnyObjective, str]":
    from nst_keras.transfer.descent import build_objective

    weights = load_vgg19(vgg)
    objective = build_objective(weights, parse_settings(StyleTransferSettings, json.loads(loss)))
    objective.trace()
    return objective, weights.digest
