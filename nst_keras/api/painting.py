"""A painted picture: an array that shows itself in a notebook and knows how it was made."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image

from nst_keras.pictures.image_like import ImageLike, to_pixels
from nst_keras.pictures.images import encode_image, write_image
from nst_keras.pictures.record import kept_record
from nst_keras.pictures.settings import NAMES
from nst_keras.pictures.transparency import with_alpha
from nst_keras.storage.folders import make_folder


class Painting(np.ndarray):
    """A picture uint8 [H, W, 3], sRGB, or [H, W, 4] if its photo is transparent in places; a numpy array.

    Attributes:
        recipe: What made it: pictures, weights and settings. None for arrays that are computed from it, since
            they are other pictures.
    """

    recipe: Mapping[str, Any] | None

    def __new__(cls, pixels: np.ndarray, recipe: Mapping[str, Any] | None = None) -> Self:
        """Takes over an array."""
        painting = np.asarray(pixels).view(cls)
        painting.recipe = recipe
        return painting

    def __array_finalize__(self, parent: Any) -> None:
        """Forgets the recipe in whatever is computed from it."""
        self.recipe = None

    def to_image(self) -> Image.Image:
        """The picture for PIL, in mode RGB or RGBA."""
        return Image.fromarray(np.asarray(self))

    def save(self, path: str | os.PathLike[str], *, metadata: str = NAMES) -> Path:
        """Writes the picture; see `save`."""
        return save(self, path, metadata=metadata)

    def _repr_png_(self) -> bytes | None:
        """What notebooks show."""
        return encode_image(np.asarray(self), ".png") if self.ndim == 3 and self.shape[-1] in (3, 4) else None


def save(picture: ImageLike, path: str | os.PathLike[str], *, metadata: str = NAMES) -> Path:
    """Writes a picture with its recipe, whole or not at all; folders are made.

    Args:
        picture: A `Painting`, or any other picture, which has no recipe.
        path: The suffix decides the format: .png, .jpg, .webp or .tif. JPEG keeps no transparency: the
            picture lies on white then.
        metadata: What is stored of the recipe: "names" of files without their folders, "full" paths, or
            "none" of it.

    Returns:
        The path.

    Raises:
        InputError: If the picture or the path can't be used.
    """
    path, recipe = Path(path), picture.recipe if isinstance(picture, Painting) else None
    pixels = to_pixels(picture, "picture")
    make_folder(path.parent, "path")
    write_image(
        path,
        with_alpha(np.rint(pixels.colors).astype(np.uint8), pixels.alpha),
        kept_record(recipe, metadata) if recipe else None,
    )
    return path
