"""What a picture file says about itself: its colour space, and the settings that made it."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from nst_keras import __version__

_KEY = "nst_keras"
_SOFTWARE = f"nst_keras {__version__}"


@cache
def srgb_profile() -> bytes:
    """Returns an sRGB ICC profile, the same bytes every time."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # Bytes 24..35 of the header are the time of creation, and 84..99 a hash over it.
    profile[24:36] = bytes.fromhex("07d0 0001 0001 0000 0000 0000")
    profile[84:100] = bytes(16)
    return bytes(profile)


def metadata_options(form: str, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns arguments for `PIL.Image.Image.save` that store the settings in a file of that format.

    PNG has a text chunk named nst_keras; the others have the same JSON in EXIF's ImageDescription.
    """
    text = None if settings is None else json.dumps({_KEY: settings}, sort_keys=True)  # ASCII
    if form == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_text("Software", _SOFTWARE)
        if text is not None:
            chunks.add_itxt(_KEY, text)
        return {"pnginfo": chunks}
    exif = Image.Exif()
    exif[ExifTags.Base.Software] = _SOFTWARE
    if text is not None:
        exif[ExifTags.Base.ImageDescription] = text
    return {"exif": exif}


def find_settings(image: Image.Image) -> dict[str, Any] | None:
    """Returns the settings that a picture file holds, or None."""
    text = image.info.get(_KEY) or image.getexif().get(ExifTags.Base.ImageDescription)
    try:
        document = json.loads(str(text))
    except json.JSONDecodeError:
        return None
    settings = document.get(_KEY) if isinstance(document, dict) else None
    return settings if isinstance(settings, dict) else None
