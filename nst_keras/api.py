"""Style transfer from Python: `import nst_keras.api as nst`.

>>> import numpy as np
>>> import nst_keras.api as nst
>>> content = np.random.default_rng(0).uniform(0, 255, [48, 64, 3])
>>> style = np.random.default_rng(1).uniform(0, 255, [64, 64, 3])
>>> settings = nst.settings("preview", size=64, num_steps=2, coarse_steps=0)
>>> picture = nst.stylize(content, style, settings=settings)
>>> picture.shape, picture.dtype
((48, 64, 3), dtype('uint8'))
>>> nst.paint(content, "starry_night", size=64).shape  # in one pass, by a trained stylizer
(48, 64, 3)
"""

import dataclasses
import functools
import os
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

import numpy as np

from nst_keras.errors import InputError, require_choice
from nst_keras.pictures.by_name import load_picture
from nst_keras.pictures.plan import blend_shares
from nst_keras.stylizers.architecture import load_painter
from nst_keras.stylizers.painter import Painter
from nst_keras.stylizers.settings import FastSettings
from nst_keras.transfer.descent import Pictures, State, finish, optimize_image, plan_scales
from nst_keras.transfer.objective import Objective
from nst_keras.transfer.presets import PRESETS
from nst_keras.transfer.progress import OptimizationProgress as Progress
from nst_keras.transfer.progress import StateWatch
from nst_keras.transfer.settings import INITS, StyleTransferSettings
from nst_keras.weights.vgg19 import load_vgg19

__all__ = ["InputError", "Picture", "Progress", "StyleTransferSettings", "paint", "settings", "stylize"]

# A path, "sample:NAME", or an array [H, W, 3], RGB on 0..255.
Picture = str | PathLike[str] | np.ndarray


def settings(preset: str = "default", **changes: Any) -> StyleTransferSettings:
    """Returns a preset with changes.

    Args:
        preset: "default", "preview", "gatys" or "notebook".
        **changes: Fields of `StyleTransferSettings`.

    Raises:
        InputError: If the preset or a field isn't known, or a value is out of range.

    >>> settings("preview", content_weight=20).content_weight
    20
    """
    require_choice("preset", preset, PRESETS)
    known = [field.name for field in dataclasses.fields(StyleTransferSettings)]
    for name in changes:
        require_choice("setting", name, known)
    return dataclasses.replace(PRESETS[preset], **changes)


def stylize(
    content: Picture,
    styles: Picture | Sequence[Picture],
    *,
    style_weights: Sequence[float] | None = None,
    settings: StyleTransferSettings = PRESETS["default"],
    init: Picture | None = None,
    vgg: str = "",
    callback: Callable[[Progress], bool | None] | None = None,
) -> np.ndarray:
    """Paints a content image in the style of one or more style images.

    Args:
        content: The photo.
        styles: The painting, or several that are blended.
        style_weights: A weight for each style; equal if left out.
        settings: How the picture is made; see `settings`.
        init: Picture to start from, instead of the start that `settings.init` names.
        vgg: Weights of the network: a .mat file, "8bit", "imported", or "" for what there is.
        callback: Called after each step; True ends with the picture so far.

    Returns:
        uint8 [H, W, 3], RGB, whose longest side is `settings.size`.

    Raises:
        InputError: If a picture or the weights can't be used.
        NonFiniteLossError: If the loss leaves the finite numbers.
    """
    listed = [styles] if isinstance(styles, (str, PathLike, np.ndarray)) else list(styles)
    start = init if init is not None or settings.init in INITS else settings.init
    pictures = Pictures(
        _pixels(content, "content"),
        [_pixels(style, "style") for style in listed],
        blend_shares(() if style_weights is None else style_weights, len(listed)),
        None if start is None else _pixels(start, "init"),
    )
    scales = plan_scales(pictures.content, settings)
    objective = Objective(load_vgg19(vgg), settings)
    watch = StateWatch(scales)

    def after_step(state: State) -> bool:
        return bool(callback(watch.see(state))) if callback else False

    state = optimize_image(objective, pictures, scales, settings, callback=after_step)
    return finish(state.image, pictures.content, settings)


def paint(
    content: Picture,
    styles: Picture | Sequence[Picture],
    *,
    style_weights: Sequence[float] | None = None,
    size: int | None = FastSettings.size,
    strength: float = FastSettings.strength,
    preserve_color: bool = FastSettings.preserve_color,
    precision: str = FastSettings.precision,
    stylizer: str | PathLike[str] = "",
) -> np.ndarray:
    """Paints a content image in one pass, by a trained stylizer.

    The network is read at the first call and kept for the next ones.

    Args:
        content: The photo.
        styles: Name of a style that the stylizer knows, or several that are blended; paintings if it takes
            any.
        style_weights: A weight for each style; equal if left out.
        size: Longest side of the picture, in pixels; 0 keeps the content's size, and so does None, but for
            contents above 1024 pixels, whose pictures have 1024.
        strength: From 0, the content itself, to 1, the painted picture.
        preserve_color: Keep the content image's colours: only brightness is painted.
        precision: "float32", or "mixed_bfloat16", which is faster on CPUs that compute in it.
        stylizer: A file of nst-train-stylizer; empty is the one that comes with the package.

    Returns:
        uint8 [H, W, 3], RGB.

    Raises:
        InputError: If a picture, the stylizer or an argument can't be used.
    """
    settings = FastSettings(size, strength, preserve_color, precision)
    path = os.fspath(stylizer)
    painter = _painter(path, os.path.getmtime(path) if os.path.isfile(path) else 0.0)
    listed = [styles] if isinstance(styles, (str, PathLike, np.ndarray)) else list(styles)
    named: list[str | np.ndarray] = [
        _pixels(style, "style") if isinstance(style, np.ndarray) else os.fspath(style) for style in listed
    ]
    blend = painter.blend(named, style_weights or ())
    return painter.paint(_pixels(content, "content"), blend, settings)


@functools.lru_cache(maxsize=4)
def _painter(path: str, changed: float) -> Painter:
    """Made anew if the file has `changed`."""
    return load_painter(path)


def _pixels(picture: Picture, role: str) -> np.ndarray:
    if not isinstance(picture, np.ndarray):
        return load_picture(str(picture), role)
    if picture.ndim != 3 or picture.shape[-1] != 3 or not np.isfinite(picture).all():
        raise InputError(
            f"{role} must be an array [height, width, 3] of finite numbers on 0..255. "
            f"Received: shape={picture.shape}, dtype={picture.dtype}"
        )
    return picture.astype(np.float32)
