"""Pictures: files and bytes on one side, sRGB arrays on 0..255 on the other."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from nst_keras.errors import InputError
from nst_keras.pictures.color_profiles import from_srgb, rgb_profile, srgb_profile, to_srgb
from nst_keras.pictures.encoding import encode_png, encode_tiff
from nst_keras.pictures.metadata import (
    Carried,
    exif_option,
    extract_settings,
    photo_tags,
    picture_tags,
    png_options,
)
from nst_keras.pictures.opening import load_upright, open_image, pictures_among, pillow_errors
from nst_keras.pictures.transparency import Pixels
from nst_keras.storage.files import open_file, write_whole

# A 100-megapixel camera fits; the array of a picture at the limit takes 1.6 GB.
MAX_PIXELS = 2**27

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
WRITABLE_SUFFIXES = tuple(_FORMATS)

DEEP_SUFFIXES = (".png", ".tif", ".tiff")  # of formats that can have 16 bits a channel

# The formats allow 65535 for JPEG, but libjpeg stops before that.
_MAX_SIDES = {"JPEG": 65_500, "WEBP": 16_383}

_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    # Lossy like JPEG; the format itself halves the resolution of colour.
    "WEBP": {"quality": 95},
}


def read_image(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Reads a picture of any common format, whatever its suffix says.

    EXIF orientation is applied, and transparency is laid over white. Of an animation or a file of several
    pages, the first is read. `nst_keras.pictures.color_profiles.to_srgb` says what becomes of profiles, CMYK
    and gray of 16 bits. Colours of 16 bits lose the lower 8.

    Args:
        path: A file, or a pipe.
        max_pixels: Largest width times height; checked before anything is decoded.

    Returns:
        float32 [H, W, 3], sRGB on 0..255.

    Raises:
        InputError: If there is no such picture, or it is damaged, cut short or too large.
    """
    return read_pixels(path, max_pixels=max_pixels).rgb


def read_pixels(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Does what `read_image` does, but for transparency, which is told apart from colours."""
    with open_file(path) as file:
        # Pillow goes back and forth in a file, which pipes can't.
        seekable = file if file.seekable() else io.BytesIO(file.read())
        return _decode(seekable, str(path), max_pixels)


def decode_image(data: bytes, name: str, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Does what `read_image` does, from the bytes of a file; `name` stands for it in messages."""
    with pillow_errors(name):  # without what else the file tells, which takes as long as small pixels
        return Pixels(*_to_arrays(open_image(io.BytesIO(data)), max_pixels)).rgb


def decode_pixels(data: bytes, name: str, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Does what `read_pixels` does, from the bytes of a file."""
    return _decode(io.BytesIO(data), name, max_pixels)


def convert_image(image: Image.Image, name: str, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Does what `read_pixels` does, with an opened picture, which is changed."""
    with pillow_errors(name):
        carried = Carried(rgb_profile(image), photo_tags(image))
        return Pixels(*_to_arrays(image, max_pixels), carried)


def write_image(
    path: str | os.PathLike[str],
    image: ArrayLike,
    settings: Mapping[str, Any] | None = None,
    *,
    bit_depth: int = 8,
    carried: Carried = Carried(),
) -> None:
    """Writes a picture as `encode_image` does, in the format of the suffix, whole or not at all."""
    try:
        data = encode_image(image, Path(path).suffix, settings, bit_depth=bit_depth, carried=carried)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    write_whole(path, data)


def encode_image(
    image: ArrayLike,
    suffix: str,
    settings: Mapping[str, Any] | None = None,
    *,
    bit_depth: int = 8,
    carried: Carried = Carried(),
) -> bytes:
    """Encodes a picture, in sRGB unless a profile is carried; the same arguments give the same bytes.

    PNG and TIFF are lossless. JPEG has quality 95 and full colour resolution (4:4:4), WebP quality
    95 and half of it (4:2:0, the only choice of lossy WebP).

    Args:
        image: [H, W, 3], or [H, W, 4] with alpha, real, sRGB on 0..255. Values are clipped to that and
            rounded, half to even; they are never rescaled. JPEG keeps no transparency: white lies below.
        suffix: One of `WRITABLE_SUFFIXES`, in either case.
        settings: What `read_settings` shall give back; see `metadata`.
        bit_depth: 16 keeps fractions of the values, in PNG and TIFF: 255 becomes 65535.
        carried: What the picture has of its photo's file. Colours are converted to a profile in it.

    Raises:
        InputError: If `image` isn't such an array, or it or the settings don't fit into the format, or the
            profile into the depth.
    """
    pixels = _to_integers(np.asarray(image), bit_depth)
    image_format = _require_format(suffix, *pixels.shape[:2])
    if pixels.shape[2] == 4 and image_format == "JPEG":
        pixels = Pixels(pixels[..., :3].astype(np.float32), pixels[..., 3]).rgb.astype(np.uint8)
    require_depth(suffix, bit_depth)
    profile = srgb_profile()
    if carried.profile is not None and bit_depth == 8:
        profile, pixels = carried.profile, from_srgb(pixels, carried.profile)
    if image_format == "PNG":
        return encode_png(pixels, profile, png_options(settings, carried))
    if image_format == "TIFF":
        return encode_tiff(pixels, profile, picture_tags(settings, carried))
    options = {**_SAVE_OPTIONS[image_format], **exif_option(settings, carried)}
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, image_format, icc_profile=profile, **options)
    return buffer.getvalue()


def require_depth(suffix: str, bit_depth: int) -> None:
    """Raises an InputError if the format of a suffix can't have so many bits a channel."""
    if bit_depth != 8 and suffix.lower() not in DEEP_SUFFIXES:
        expected = f"bit_depth {bit_depth} needs the suffix {' or '.join(DEEP_SUFFIXES)}"
        raise InputError(f"{expected}. Received: {suffix or 'none'}")


def require_encodable(path: str | os.PathLike[str], height: int, width: int) -> None:
    """Raises the InputError that `write_image` would raise for a picture of that size."""
    try:
        _require_format(Path(path).suffix, height, width)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _require_format(suffix: str, height: int, width: int) -> str:
    image_format = _FORMATS.get(suffix.lower())
    if image_format is None:
        choices = ", ".join(WRITABLE_SUFFIXES)
        raise InputError(f"the suffix must be one of {choices}. Received: {suffix or 'none'}")
    limit = _MAX_SIDES.get(image_format)
    if limit is not None and max(height, width) > limit:
        expected = f"a side of a {image_format} must be at most {limit} px"
        raise InputError(f"{expected}. Received: {width} x {height}")
    return image_format


def read_settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Returns the settings that `write_image` stored in a picture, without decoding its pixels."""
    with open_file(path) as file, pillow_errors(str(path)):
        return extract_settings(open_image(file))


def list_images(folder: str | os.PathLike[str]) -> list[Path]:
    """Returns the pictures in a folder, at least one, by suffix, sorted; hidden files are left out."""
    paths = pictures_among(list_folder(folder))
    if not paths:
        raise InputError(f"{folder}: must hold a picture, but none has a known suffix")
    return paths


def list_folder(folder: str | os.PathLike[str]) -> list[Path]:
    """Returns what is in a folder, sorted; hidden files and folders are left out."""
    try:
        return sorted(path for path in Path(folder).iterdir() if path.name[0] != ".")
    except FileNotFoundError as error:
        raise InputError(f"{folder}: does not exist") from error
    except NotADirectoryError as error:
        raise InputError(f"{folder}: is not a folder") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _to_arrays(image: Image.Image, max_pixels: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Colours and alpha, as `Pixels` has them."""
    load_upright(image, max_pixels)
    rgb, alpha = to_srgb(image)
    levels = None if alpha is None else np.asarray(alpha)
    opaque = levels is None or bool((levels == 255).all())
    return np.asarray(rgb, dtype=np.float32), None if opaque else levels


def _decode(file: BinaryIO, name: str, max_pixels: int) -> Pixels:
    with pillow_errors(name):
        image = open_image(file)
    return convert_image(image, name, max_pixels=max_pixels)


def _to_integers(image: np.ndarray, bit_depth: int) -> np.ndarray:
    """On 0..255 as uint8, or on 0..65535 as uint16."""
    white, kind = 2**bit_depth - 1, f"u{bit_depth // 8}"
    if image.ndim != 3 or image.shape[2] not in (3, 4) or 0 in image.shape:
        raise InputError(f"image must have shape [H, W, 3] or [H, W, 4]. Received: {list(image.shape)}")
    if image.dtype == np.uint8:
        return image if bit_depth == 8 else image.astype(kind) * (white // 255)
    if image.dtype.kind not in "iuf":
        raise InputError(f"image must hold real numbers. Received: dtype {image.dtype}")
    if not np.isfinite(image).all():
        count = int(np.count_nonzero(~np.isfinite(image)))
        raise InputError(f"image must be finite. Received: {count} values that are not")
    # Doubles: white is exact, and so is what is uint8 already.
    values = image if bit_depth == 8 else np.float64(white / 255) * image
    return np.clip(np.rint(values), 0, white).astype(kind)
