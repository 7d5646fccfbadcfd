"""The settings of a run, kept inside the picture that it made.

They are ASCII JSON: in PNG an iTXt chunk named `nst_keras`; in JPEG, WebP and TIFF the EXIF (or
TIFF) tag ImageDescription, after the prefix `nst_keras=`. All four also name the software.
"""

import json
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, Image, PngImagePlugin

from nst_keras import __version__
from nst_keras.errors import InputError

# An APP1 segment of JPEG has 64 kB; the limit is the same for all, so that formats can be swapped.
MAX_SETTINGS_BYTES = 60_000

_NAME = "nst_keras"
_PREFIX = f"{_NAME}="
_SOFTWARE = f"{_NAME} {__version__}"


def metadata_options(image_format: str, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns the arguments of `Image.save` that store settings which JSON can hold; tuples become lists.

    The format is "PNG", "JPEG", "WEBP" or "TIFF". Without settings only the software's name is stored.
    """
    text = None if settings is None else _encode(settings)
    if image_format == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_text("Software", _SOFTWARE)
        if text is not None:
            chunks.add_itxt(_NAME, text)
        return {"pnginfo": chunks}
    tags: dict[int, str] = {ExifTags.Base.Software: _SOFTWARE}
    if text is not None:
        tags[ExifTags.Base.ImageDescription] = _PREFIX + text
    if image_format == "TIFF":
        return {"tiffinfo": tags}
    exif = Image.Exif()
    exif.update(tags)
    return {"exif": exif.tobytes()}


def extract_settings(image: Image.Image) -> dict[str, Any]:
    """Returns the settings in an opened picture; its pixels need not be loaded."""
    text = image.info.get(_NAME)
    if text is None:
        description = image.getexif().get(ExifTags.Base.ImageDescription)
        if not isinstance(description, str) or not description.startswith(_PREFIX):
            raise InputError("holds no settings of nst_keras")
        text = description.removeprefix(_PREFIX)
    try:
        settings = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"holds damaged settings of nst_keras: {error}") from error
    if not isinstance(settings, dict):
        raise InputError("holds damaged settings of nst_keras: they must be a JSON object")
    return settings


def _encode(settings: Mapping[str, Any]) -> str:
    try:
        # Escapes keep every string, even a file name that isn't UTF-8, within ASCII.
        text = json.dumps(dict(settings), allow_nan=False, sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"settings must be what JSON can hold: {error}") from error
    if len(text) > MAX_SETTINGS_BYTES:
        expected = f"at most {MAX_SETTINGS_BYTES} bytes of JSON"
        raise InputError(f"settings must be {expected}. Received: {len(text)}")
    return text
