"""Pictures as Python holds them: files, bytes, PIL images, arrays and tensors become sRGB on 0..255.

Equal pictures give equal pixels, whatever holds them. What could mean two pictures is an error that says how
to tell which: nothing is guessed, since a wrong guess paints a black or a white picture without a word.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nst_keras.errors import InputError
from nst_keras.pictures.by_name import load_pixels
from nst_keras.pictures.images import convert_image, decode_pixels
from nst_keras.pictures.transparency import Pixels

# A path, "sample:NAME", the bytes of a file, a PIL image, an array, or a tensor of TensorFlow or Keras.
ImageLike: TypeAlias = str | os.PathLike[str] | bytes | Image.Image | NDArray[Any] | Any

_CHANNELS = {1: "gray", 2: "gray and alpha", 3: "RGB", 4: "RGBA"}
# What NumPy is told by tensors of a graph (TensorFlow's is a NotImplementedError), or on a GPU.
_NO_ARRAY = (TypeError, ValueError, NotImplementedError, RuntimeError)
_ROUNDING = 1e-4  # relative to white: so far may float32 arithmetic have carried a value past it


def to_pixels(image: ImageLike, role: str, *, value_range: tuple[float, float] | None = None) -> Pixels:
    """Reads whatever holds a picture.

    - Files and bytes are read as `pictures.images.read_image` does, PIL images likewise.
    - Arrays and tensors are [H, W], or [H, W, channels] of gray, gray and alpha, RGB or RGBA.
    - uint8 and uint16 mean what their type can hold, and bool black or white; other whole numbers must lie in
      0..255. Floating point is on 0..1 if no value is above 1, and on 0..255 if one is above 2.

    Args:
        image: The picture.
        role: What it is for, such as "content"; messages begin with it.
        value_range: The values of an array that mean black and white, if they aren't as above.

    Raises:
        InputError: If it can't be read, or can mean more than one picture.
    """
    if isinstance(image, (str, os.PathLike)):
        name = os.fspath(image)
        if isinstance(name, str) and "://" in name:
            raise InputError(f"{role}: {name}: addresses aren't fetched; download the picture first")
        return load_pixels(name, role)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return decode_pixels(bytes(image), f"{role}: the picture in {len(image)} bytes")
    if isinstance(image, Image.Image):
        # In memory such modes hold whatever a program has put there; files say what they hold.
        if image.format is None and (image.mode in ("I", "F") or image.mode.startswith("I;16")):
            return _from_array(np.asarray(image), role, value_range)
        return convert_image(image.copy(), f"{role}: the PIL image")
    return _from_array(_as_array(image, role), role, value_range)


def listed(images: Any) -> list[Any] | None:
    """The pictures of a list, a tuple, or a batch [N, H, W, channels]; None if it is one picture."""
    if isinstance(images, (list, tuple)):
        return list(images)
    if len(getattr(images, "shape", ())) == 4:
        return list(np.asarray(images))
    return None


def weighted(
    styles: Any, weights: Sequence[float] | Mapping[str, float] | None
) -> tuple[list[Any], tuple[float, ...]]:
    """Styles and the weight of each; no weights stand for equal ones.

    Args:
        styles: One, or several as `listed` takes them, or the weight of each by its name or path.
        weights: A weight for each style, in their order or by name.
    """
    if isinstance(styles, Mapping):
        if weights is not None:
            raise InputError("style_weights must be left out where styles are a dict of weights")
        return list(styles), tuple(map(float, styles.values()))
    several = listed(styles)
    names = [styles] if several is None else several
    if isinstance(weights, Mapping):
        missing = [name for name in names if not isinstance(name, (str, os.PathLike)) or name not in weights]
        if missing or len(weights) != len(names):
            raise InputError(
                "style_weights must have one weight for the name of each style. "
                f"Received: {dict(weights)} for {[_short(name) for name in names]}"
            )
        return names, tuple(float(weights[name]) for name in names)
    return names, tuple(map(float, weights)) if weights is not None else ()


def name_in_recipe(image: ImageLike) -> str:
    """What a recipe calls a picture: its path or name; empty if a program holds it."""
    return os.fspath(image) if isinstance(image, (str, os.PathLike)) else ""


def _short(image: ImageLike) -> str:
    return name_in_recipe(image) or type(image).__name__


def _as_array(image: Any, role: str) -> np.ndarray:
    if not hasattr(image, "__array__"):
        raise InputError(
            f"{role} must be a path, sample:NAME, bytes of a file, a PIL image, an array or a tensor. "
            f"Received: {type(image).__name__}"
        )
    try:
        array = np.asarray(image)
    except _NO_ARRAY as error:
        raise InputError(f"{role}: this {type(image).__name__} gives no array: {error}") from error
    return array.astype(np.float32) if array.dtype.name in ("bfloat16", "float16") else array


def _from_array(array: np.ndarray, role: str, value_range: tuple[float, float] | None) -> Pixels:
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.ndim != 3 or array.shape[-1] not in _CHANNELS or 0 in array.shape:
        first = array.ndim == 3 and array.shape[0] in _CHANNELS and 0 not in array.shape
        hint = "; channels come last: np.moveaxis(array, 0, -1)" if first else ""
        raise InputError(
            f"{role} must be an array [height, width] or [height, width, channels] with 1 (gray), 3 (RGB) or "
            f"4 (RGBA) channels. Received: shape={array.shape}{hint}"
        )
    values = _on_255(array, role, value_range)
    colors = values.shape[-1] - (values.shape[-1] in (2, 4))
    rgb = np.ascontiguousarray(np.broadcast_to(values[..., :colors], (*values.shape[:2], 3)))
    if colors == values.shape[-1]:
        return Pixels(rgb, None)
    alpha = np.rint(values[..., -1]).astype(np.uint8)
    return Pixels(rgb, None) if (alpha == 255).all() else Pixels(rgb, alpha)


def _on_255(array: np.ndarray, role: str, value_range: tuple[float, float] | None) -> np.ndarray:
    if array.dtype.kind not in "buif":
        raise InputError(f"{role} must hold real numbers. Received: dtype={array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"{role} must hold finite numbers. Received: NaN or infinity")
    if value_range is not None:
        low, high = value_range
        if not low < high:
            raise InputError(f"value_range must be black and white, as (-1, 1). Received: {value_range}")
    elif array.dtype == np.uint8:
        low, high = 0, 255
    elif (array.dtype.kind, array.dtype.itemsize) == ("u", 2):  # in either byte order
        low, high = 0, 65535
    elif array.dtype == np.bool_:
        low, high = 0, 1
    else:
        low, high = _told_range(array, role)
    values: np.ndarray = array.astype(np.float64 if array.dtype.itemsize > 4 else np.float32)
    scaled = np.subtract(values, low) * (255 / (high - low))
    slack = 255 * _ROUNDING
    if scaled.min() < -slack or scaled.max() > 255 + slack:
        raise InputError(
            f"{role} must lie in the value_range {low:g}..{high:g}. Received: {_extremes(array)}; clip it"
        )
    return np.clip(scaled, 0, 255).astype(np.float32)


def _told_range(array: np.ndarray, role: str) -> tuple[float, float]:
    """Black and white of numbers whose type doesn't tell them."""
    least, most = float(array.min()), float(array.max())
    if array.dtype.kind != "f":
        if (least >= 0 and 1 < most <= 255) or not array.any():
            return 0, 255
        return _refuse(array, role, "whole numbers that aren't uint8, uint16 or bool", "0..255")
    if least >= -_ROUNDING and most <= 1 + _ROUNDING:
        return 0, 1
    if array.shape[-1] in (2, 4) and most > 2 and array[..., -1].any() and array[..., -1].max() <= 1:
        raise InputError(
            f"{role}: colours lie on 0..255 but alpha on 0..1. Received: {_extremes(array)}; use one scale"
        )
    if least >= -255 * _ROUNDING and 2 < most <= 255 * (1 + _ROUNDING):
        return 0, 255
    return _refuse(array, role, "floating point", "0..1 or 0..255")


def _refuse(array: np.ndarray, role: str, what: str, expected: str) -> tuple[float, float]:
    raise InputError(
        f"{role}: {what} must lie in {expected}. Received: {_extremes(array)}, dtype={array.dtype}; say "
        "which values mean black and white, as nst.image(array, value_range=(-1, 1)), or clip it"
    )


def _extremes(array: np.ndarray) -> str:
    return f"{array.min():.6g}..{array.max():.6g}"
