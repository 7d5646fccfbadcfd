"""What a picture carries besides its pixels: the settings that made it, and what its photo's file told.

Settings are ASCII JSON: in PNG an iTXt chunk named `nst_keras`; in JPEG, WebP and TIFF the EXIF (or
TIFF) tag ImageDescription, after the prefix `nst_keras=`. All four also name the software.
"""

import contextlib
import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from PIL import ExifTags, Image, PngImagePlugin

from nst_keras import __version__
from nst_keras.errors import InputError

# An APP1 segment of JPEG has 64 kB; the limit is the same for all, so that formats can be swapped.
MAX_SETTINGS_BYTES = 60_000

# Who took a photo, and serial numbers, aren't among them.
_CAMERA = (ExifTags.Base.Make, ExifTags.Base.Model)
_SHOT = (
    ExifTags.Base.DateTimeOriginal,
    ExifTags.Base.OffsetTimeOriginal,
    ExifTags.Base.SubsecTimeOriginal,
    ExifTags.Base.LensMake,
    ExifTags.Base.LensModel,
)
_LONGEST = 100  # characters of a name or date; an APP1 segment has to hold them all

_NAME = "nst_keras"
_PREFIX = f"{_NAME}="
_SOFTWARE = f"{_NAME} {__version__}"


class Carried(NamedTuple):
    """What of a photo's file may go into pictures made of it.

    Attributes:
        profile: ICC profile of its RGB colours; None if it has none.
        tags: EXIF tags of camera and date, and of the place, each directory as a mapping of its own.
    """

    profile: bytes | None = None
    tags: Mapping[int, Any] = MappingProxyType({})

    def without_place(self) -> "Carried":
        """The same but for GPS."""
        return self._replace(tags={t: v for t, v in self.tags.items() if t != ExifTags.IFD.GPSInfo})


def photo_tags(image: Image.Image) -> dict[int, Any]:
    """The tags of an opened photo that `Carried` holds; broken ones are left out on purpose."""
    tags: dict[int, Any] = {}
    with contextlib.suppress(Exception):  # as in `opening.load_upright`, anything can come
        exif = image.getexif()
        tags = _texts(exif, _CAMERA)
        if shot := _texts(exif.get_ifd(ExifTags.IFD.Exif), _SHOT):
            tags[ExifTags.IFD.Exif] = shot
        if place := dict(exif.get_ifd(ExifTags.IFD.GPSInfo)):
            _exif_bytes({ExifTags.IFD.GPSInfo: place})  # so that it can be written
            tags[ExifTags.IFD.GPSInfo] = place
    return tags


def _texts(directory: Mapping[int, Any], names: Iterable[int]) -> dict[int, Any]:
    values = ((tag, directory.get(tag)) for tag in names)
    return {tag: value[:_LONGEST] for tag, value in values if isinstance(value, str)}


def picture_tags(settings: Mapping[str, Any] | None, carried: Carried) -> dict[int, Any]:
    """EXIF or TIFF tags of settings, which JSON can hold, the software and what is carried along."""
    tags: dict[int, Any] = {ExifTags.Base.Software: _SOFTWARE, **carried.tags}
    if settings is not None:
        tags[ExifTags.Base.ImageDescription] = _PREFIX + _encode(settings)
    return tags


def exif_option(settings: Mapping[str, Any] | None, carried: Carried) -> dict[str, Any]:
    """The same as an argument of `Image.save` for JPEG and WebP."""
    return {"exif": _exif_bytes(picture_tags(settings, carried))}


def png_options(settings: Mapping[str, Any] | None, carried: Carried) -> dict[str, Any]:
    """Arguments of `Image.save` that store the same in a PNG, settings in a chunk of their own."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Software", _SOFTWARE)
    if settings is not None:
        chunks.add_itxt(_NAME, _encode(settings))
    return {"pnginfo": chunks} | ({"exif": _exif_bytes(carried.tags)} if carried.tags else {})


def _exif_bytes(tags: Mapping[int, Any]) -> bytes:
    exif = Image.Exif()
    exif.update(tags)
    return exif.tobytes()


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
