"""Pictures: from files to float32 arrays in sRGB, and back.

What is done on purpose while reading: EXIF orientation is applied; an embedded ICC profile is converted
to sRGB, and ignored if it is broken; gray becomes RGB; transparency is laid over white; 16- and 32-bit
integers are scaled to 0..255; floats are taken as 0..1 if none is above 1, else as 0..255; of an animation
the first frame is read.
"""

import io
import os
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from nst_keras.errors import InputError
from nst_keras.io.files import write_whole
from nst_keras.io.image_metadata import find_settings, metadata_options, srgb_profile

# A larger picture is refused from its header alone: a few kilobytes can claim gigabytes.
MAX_PIXELS = 200_000_000

# Encoder and its options by suffix. JPEG without chroma subsampling: it would smear fine brush strokes.
_ENCODERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    ".png": ("PNG", {"compress_level": 6}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": "4:4:4"}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": "4:4:4"}),
    ".webp": ("WEBP", {"quality": 95, "method": 4, "use_sharp_yuv": True}),
    ".tif": ("TIFF", {"compression": "tiff_lzw"}),
    ".tiff": ("TIFF", {"compression": "tiff_lzw"}),
}
WRITABLE_SUFFIXES = tuple(_ENCODERS)
_MAX_SIDES = {"JPEG": 65535, "WEBP": 16383}

# What Pillow's decoders raise for broken files.
_DECODER_ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError)
_DECODER_ERRORS += (struct.error, MemoryError, Image.DecompressionBombError, OverflowError)


def read_image(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Reads a picture in any format that Pillow knows.

    Args:
        path: The file.
        max_pixels: Limit of width times height.

    Returns:
        float32 [H, W, 3], sRGB, 0..255.

    Raises:
        InputError: If the file is missing, isn't a picture, is damaged or has too many pixels.
    """
    return decode_image(_read_bytes(path), str(path), max_pixels=max_pixels)


def decode_image(data: bytes, name: str, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decodes a picture; `name` is what messages call it. Otherwise as `read_image`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of what is handled, or refused, here
        with _open(data, name) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise InputError(
                    f"{name}: has {width}x{height} pixels, which is more than the limit of {max_pixels}"
                )
            try:
                image.load()
                return _to_srgb(image)
            except _DECODER_ERRORS as error:
                reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
                raise InputError(f"{name}: the picture is damaged or incomplete ({reason})") from error


def encode_image(image: np.ndarray, suffix: str, settings: Mapping[str, Any] | None = None) -> bytes:
    """Encodes a picture: clipped and rounded, never rescaled, with the sRGB profile.

    Args:
        image: [H, W, 3], uint8 or numbers on 0..255.
        suffix: One of `WRITABLE_SUFFIXES`. JPEG has quality 95 and full colour resolution, WebP quality 95,
            TIFF lossless LZW.
        settings: Stored as JSON in the metadata; see `read_settings`.

    Returns:
        The same bytes for the same arguments.

    Raises:
        InputError: If the array isn't a picture, or is too large for the format.
    """
    if suffix.lower() not in _ENCODERS:
        raise InputError(f"the suffix must be one of {', '.join(_ENCODERS)}. Received: {suffix!r}")
    form, options = _ENCODERS[suffix.lower()]
    picture = Image.fromarray(_to_uint8(image))
    limit = _MAX_SIDES.get(form, max(picture.size))
    if max(picture.size) > limit:
        width, height = picture.size
        raise InputError(f"{form} holds at most {limit} pixels a side. Received: {width}x{height}")
    buffer = io.BytesIO()
    picture.save(buffer, form, icc_profile=srgb_profile(), **options, **metadata_options(form, settings))
    return buffer.getvalue()


def write_image(
    path: str | os.PathLike[str], image: np.ndarray, settings: Mapping[str, Any] | None = None
) -> None:
    """Writes a picture whole or not at all; the format comes from the suffix. See `encode_image`."""
    write_whole(path, encode_image(image, Path(path).suffix, settings))


def read_settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Returns the settings that `write_image` stored in a picture.

    Raises:
        InputError: If the file isn't a picture or has no such settings.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _open(_read_bytes(path), str(path)) as image:
            try:
                settings = find_settings(image)
            except _DECODER_ERRORS:
                settings = None
    if settings is None:
        raise InputError(f"{path}: holds no settings of nst_keras in its metadata")
    return settings


def list_images(folder: str | os.PathLike[str]) -> list[Path]:
    """Returns the pictures of a folder by name, told by their suffix; hidden files are left out.

    Raises:
        InputError: If there is none.
    """
    known = Image.registered_extensions()
    paths = sorted(
        path
        for path in Path(folder).iterdir()
        if path.suffix.lower() in known and not path.name.startswith(".") and path.is_file()
    )
    if not paths:
        raise InputError(f"{folder}: there is no picture in this folder")
    return paths


def _read_bytes(path: str | os.PathLike[str]) -> bytes:
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except IsADirectoryError as error:
        raise InputError(f"{path}: is a folder, not a picture") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: can't be read: {error}") from error
    if not data:
        raise InputError(f"{path}: the file is empty")
    return data


def _open(data: bytes, name: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError as error:
        raise InputError(f"{name}: isn't a picture in a known format") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{name}: claims far too many pixels ({error})") from error
    except _DECODER_ERRORS as error:
        raise InputError(f"{name}: the picture is damaged ({error})") from error


def _to_srgb(image: Image.Image) -> np.ndarray:
    # The profile is lost by most conversions, so it is kept from the start.
    profile = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
    if image.mode[0] in "IF":  # I;16, I, F: one channel with more than 8 bits
        return np.repeat(_from_wide(np.asarray(image))[..., np.newaxis], 3, axis=-1)
    image, alpha = _split_alpha(image)
    colors = np.asarray(_convert(image, profile), np.float32)
    if alpha is None:
        return colors
    cover = np.asarray(alpha, np.float32)[..., np.newaxis] / 255
    return colors * cover + 255 * (1 - cover)


def _from_wide(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f":
        values = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=255.0, neginf=0.0)
        return np.clip(values * (255 if values.max(initial=0) <= 1 else 1), 0, 255)
    wide = values.astype(np.float32)
    # Pillow reads 16 bits as I;16 or, in older files, as I.
    full = 65535 if values.dtype.itemsize == 2 or values.max(initial=0) <= 65535 else 2**31 - 1
    return np.clip(wide * (255 / full), 0, 255)


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Separates transparency, which a colour conversion would drop or mix in."""
    if image.mode in ("P", "PA") or "transparency" in image.info:
        image = image.convert("RGBA") if image.has_transparency_data else image.convert("RGB")
    if image.mode in ("RGBa", "La"):
        image = image.convert({"RGBa": "RGBA", "La": "LA"}[image.mode])
    if image.mode in ("RGBA", "LA"):
        return image.convert(image.mode[:-1]), image.getchannel("A")
    return (image.convert("L") if image.mode == "1" else image), None


def _convert(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile and image.mode in ("RGB", "L", "CMYK", "LAB"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                image, source, ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile())), outputMode="RGB"
            )
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a broken or unfitting profile: the numbers as they are look nearer than no picture
    return image.convert("RGB")


def _to_uint8(image: np.ndarray) -> np.ndarray:
    if image.ndim != 3 or image.shape[-1] != 3 or 0 in image.shape:
        raise InputError(f"a picture must have the shape [height, width, 3]. Received: {image.shape}")
    if not np.isfinite(image).all():
        raise InputError("the picture holds numbers that aren't finite, so it isn't written")
    return np.rint(np.clip(image, 0, 255)).astype(np.uint8)
