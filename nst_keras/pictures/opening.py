"""Pillow, made safe for files from anywhere: few formats, one exception, no warnings."""

import contextlib
import functools
import io
import os
import threading
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from nst_keras.errors import InputError

# What cameras, editors and browsers write. Left out: formats that start another program (EPS runs
# Ghostscript), that Pillow only recognises (HDF5, MPEG), or that hold no photos. TGA has no
# signature and comes last.
_FORMATS = (
    *("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "BMP", "JPEG2000", "PSD", "PPM", "QOI"),
    *("ICO", "ICNS", "DDS", "SGI", "PCX", "TGA"),
)


class _Silence(threading.local):
    """The text that a filter for warnings ignores: any, in threads that are within `pillow_errors`.

    Filters belong to the process: threads that set them aside and restore them would have to wait for each
    other, and pictures be decoded one after the other. This one stays where it is and concerns no one else.
    """

    depth = 0

    def match(self, text: str) -> bool:
        """As a regular expression's, by which `warnings` asks."""
        return self.depth > 0


_silence = _Silence()
_FILTER = ("ignore", _silence, Warning, None, 0)


def pictures_among(paths: Iterable[Path]) -> list[Path]:
    """Returns the pictures among paths, by suffix, sorted; hidden files are left out."""
    return sorted(path for path in paths if is_picture_name(path.name) and path.is_file())


def is_picture_name(name: str) -> bool:
    """Whether a file is a picture by its name, which may have folders before it, and isn't hidden."""
    base = name.rpartition("/")[2]
    return base[:1] != "." and os.path.splitext(base)[1].lower() in _suffixes()


@functools.cache
def _suffixes() -> frozenset[str]:
    known = Image.registered_extensions().items()
    return frozenset(suffix for suffix, name in known if name in _FORMATS)


def open_image(file: BinaryIO) -> Image.Image:
    """Opens a picture in a seekable file and reads its header, within `pillow_errors`."""
    Image.init()
    if not file.read(1):
        raise InputError("is empty")
    # Older Pillow, or one that was built without a library, lacks some formats.
    return Image.open(file, formats=[name for name in _FORMATS if name in Image.OPEN])


def load_upright(image: Image.Image, max_pixels: int) -> None:
    """Decodes the first frame and turns it as its EXIF orientation says, within `pillow_errors`.

    Broken EXIF data is ignored on purpose: the pixels are still good.
    """
    _check_size(image, max_pixels)
    image.load()
    # An icon may turn out larger than its directory says.
    _check_size(image, max_pixels)
    # As in pillow_errors, anything can come.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)


def plain_format(data: bytes, name: str) -> str:
    """The format of a picture that every decoder shows alike; empty if it isn't so.

    Such a picture is upright, RGB or gray, and has no colour profile.
    """
    with pillow_errors(name):
        image = open_image(io.BytesIO(data))
        plain = image.mode in ("RGB", "L") and "icc_profile" not in image.info
        upright = image.getexif().get(ExifTags.Base.Orientation, 1) == 1
        return (image.format or "") if plain and upright else ""


@contextlib.contextmanager
def pillow_errors(name: str) -> Iterator[None]:
    """Turns everything that Pillow raises inside into an InputError that begins with `name`.

    Warnings are silenced: what they are about is either harmless or caught by our own checks.
    Pillow's global settings are left alone, and so are other threads' warnings.
    """
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    if filters[:1] != [_FILTER]:
        filters.insert(0, _FILTER)
    _silence.depth += 1
    try:
        yield
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except UnidentifiedImageError as error:
        problem = "is not a picture in a known format, or its beginning is damaged"
        raise InputError(f"{name}: {problem}") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{name}: has too many pixels for Pillow: {error}") from error
    except MemoryError as error:
        raise InputError(f"{name}: there is not enough memory to decode it") from error
    except Exception as error:  # Pillow's plugins let through whatever their parsers raise.
        reason = f"{error}" or type(error).__name__
        raise InputError(f"{name}: is damaged or cut short: {reason}") from error
    finally:
        _silence.depth -= 1


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise InputError(f"must have pixels. Received: {width} x {height}")
    if width * height > max_pixels:
        received = f"{width} x {height} = {width * height}"
        raise InputError(f"has too many pixels: the limit is {max_pixels}. Received: {received}")
