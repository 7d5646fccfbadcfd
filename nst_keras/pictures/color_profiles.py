"""Whatever pixels Pillow decodes, as 8-bit sRGB."""

import functools
import io

import numpy as np
from PIL import Image, ImageCms

from nst_keras.errors import InputError

_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339  # TIFF tags
_WHITE_IS_ZERO, _SIGNED = 0, 2  # values of the last two
# Ringing and highlights go a little past white; a larger value means another scale.
_FLOAT_HEADROOM = 2.0
# Mode in which ImageCms wants pixels, by the colour space that a profile describes.
_PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def to_srgb(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Converts a loaded picture of any Pillow mode to mode RGB in the sRGB colour space, and its alpha to L.

    - Without transparency, in whichever form, there is no alpha.
    - An embedded ICC profile is followed (perceptual intent). One that is broken, or made for
      another kind of pixel, is ignored on purpose: the picture is still worth reading.
    - CMYK without a profile goes through Pillow's own simple conversion.
    - Gray of more than 8 bits is scaled by what its type can hold, not by what it happens to hold.
      Floating point counts 0 as black and 1 as white and is clipped to that.
    """
    profile = image.info.get("icc_profile")
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _narrow_gray(image)
    alpha = None
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode in ("1", "L", "LA", "La") else "RGBA")
        alpha = image.getchannel("A")
    rgb = _convert_by_profile(image, profile) if profile else None
    if rgb is None:
        rgb = image.convert("RGB")
    return rgb, alpha


@functools.cache
def srgb_profile() -> bytes:
    """Returns an ICC profile of sRGB, always the same bytes."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # Bytes 24 to 35 are the time of creation (ICC.1:2022, 7.2): six big-endian 16-bit numbers.
    date = b"".join(number.to_bytes(2, "big") for number in (2000, 1, 1, 0, 0, 0))
    return profile[:24] + date + profile[36:]


def rgb_profile(image: Image.Image) -> bytes | None:
    """Returns the ICC profile of an opened picture if RGB can be written in it, too."""
    data = image.info.get("icc_profile")
    if not data or _from_srgb(Image.new("RGB", (1, 1)), data) is None:
        return None
    return bytes(data)


def from_srgb(pixels: np.ndarray, profile: bytes) -> np.ndarray:
    """Converts uint8 [H, W, 3 or 4] in sRGB to the colour space of a profile that `rgb_profile` returned."""
    converted = _from_srgb(Image.fromarray(pixels[..., :3]), profile)
    return np.dstack([np.asarray(converted), pixels[..., 3:]])


def _from_srgb(image: Image.Image, data: bytes) -> Image.Image | None:
    try:
        source, target = (ImageCms.ImageCmsProfile(io.BytesIO(profile)) for profile in (srgb_profile(), data))
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _convert_by_profile(image: Image.Image, data: bytes) -> Image.Image | None:
    """Returns `image` as sRGB, or None if the profile can't be used for it."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        mode = _PROFILE_MODES.get(profile.profile.xcolor_space.strip())
        if mode is None or not _describes(mode, image.mode):
            return None
        # Conversions to L and RGB drop alpha, which the caller has kept.
        source = image if image.mode == mode else image.convert(mode)
        target = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
        return ImageCms.profileToProfile(source, profile, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _describes(profile_mode: str, mode: str) -> bool:
    if profile_mode == "CMYK" or mode == "CMYK":
        return profile_mode == mode
    is_gray = mode in ("1", "L", "LA")
    # Gray with an RGB profile is common and means equal red, green and blue.
    return is_gray or (profile_mode == "RGB" and mode in ("P", "RGB", "RGBA", "RGBX", "RGBa"))


def _narrow_gray(image: Image.Image) -> Image.Image:
    """Scales modes I;16 (any byte order), I and F to 8 bits; keeps a transparent value."""
    values, white = (_check_float(image), 1.0) if image.mode == "F" else _integers(image)
    levels = np.clip(values.astype(np.float32) / white, 0.0, 1.0)
    if _tiff_tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO:
        # Pillow inverts such files only up to 8 bits.
        levels = 1.0 - levels
    gray = Image.fromarray(np.rint(255.0 * levels).astype(np.uint8))
    key = image.info.get("transparency")
    if isinstance(key, int):
        gray.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    return gray


def _integers(image: Image.Image) -> tuple[np.ndarray, float]:
    """Returns the values of mode I;16 or I, and the one that means white."""
    # Pillow scales PGM files of more than 8 bits to 16 by itself; only TIFF comes as it is.
    bits = _tiff_tag(image, _BITS_PER_SAMPLE) or 16
    values = np.asarray(image)
    if _tiff_tag(image, _SAMPLE_FORMAT) == _SIGNED:
        return values, 2.0 ** (bits - 1) - 1.0
    # Mode I is signed: large unsigned numbers of 32 bits have come out negative.
    return (values.astype(np.uint32) if bits == 32 else values), 2.0**bits - 1.0


def _check_float(image: Image.Image) -> np.ndarray:
    """Returns the values of mode F."""
    values = np.asarray(image)
    if not np.isfinite(values).all():
        raise InputError("floating point pixels must be finite. Received: NaN or infinity")
    if values.max() > _FLOAT_HEADROOM:
        received = f"{values.min():g} to {values.max():g}"
        raise InputError(f"floating point pixels must go from 0 (black) to 1 (white). Received: {received}")
    return values


def _tiff_tag(image: Image.Image, tag: int) -> int | None:
    """Returns the first value of a TIFF tag, or None if it or the TIFF is missing."""
    value = getattr(image, "tag_v2", {}).get(tag)
    return value[0] if isinstance(value, tuple) else value
