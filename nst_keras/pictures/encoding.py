"""PNG and TIFF of 8 or 16 bits a channel, as bytes; Pillow writes no colours of 16.

Its own encoders do all else: chunks and directories around the pixels are Pillow's.
"""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin

PNG_SIGNATURE, _PNG_COLOR_TYPES, _UP = b"\x89PNG\r\n\x1a\n", {3: 2, 4: 6}, 2  # ISO/IEC 15948
_DEFLATE, _RGB, _ONE_PLANE, _DIFFERENCES, _UNASSOCIATED_ALPHA = 8, 2, 1, 2, 2  # TIFF 6.0


def encode_png(pixels: np.ndarray, profile: bytes, options: Mapping[str, Any]) -> bytes:
    """A PNG of uint8 or uint16 [H, W, 3 or 4], with an ICC profile and more options of Pillow's."""
    buffer = io.BytesIO()
    deep = pixels.dtype == np.uint16
    shown = pixels[:1, :1].astype(np.uint8) if deep else pixels
    Image.fromarray(shown).save(buffer, "PNG", icc_profile=profile, **options)
    return _with_deep_pixels(buffer.getvalue(), pixels) if deep else buffer.getvalue()


def _with_deep_pixels(png: bytes, pixels: np.ndarray) -> bytes:
    """The chunks of another PNG around pixels uint16 [H, W, 3 or 4]."""
    height, width, channels = pixels.shape
    rows = pixels.astype(">u2").reshape(height, -1).view(np.uint8)
    rows[1:] -= rows[:-1].copy()  # the filter Up
    filtered = np.hstack([np.full((height, 1), _UP, np.uint8), rows])
    header = struct.pack(">IIBBBBB", width, height, 16, _PNG_COLOR_TYPES[channels], 0, 0, 0)
    new = {b"IHDR": header, b"IDAT": zlib.compress(filtered.tobytes())}
    parts = [PNG_SIGNATURE]
    for kind, data, _ in png_chunks(png):
        data = new.get(kind, data)
        parts += [struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(kind + data))]
    return b"".join(parts)


def png_chunks(png: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Type, data and checksum of each part of a PNG file; raises a `struct.error` where it is cut short."""
    place = len(PNG_SIGNATURE)
    while place < len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        (checksum,) = struct.unpack_from(">I", png, place + 8 + length)
        yield kind, png[place + 8 : place + 8 + length], checksum
        place += 12 + length


def encode_tiff(pixels: np.ndarray, profile: bytes, tags: Mapping[int, Any]) -> bytes:
    """A TIFF of uint8 or uint16 [H, W, 3 or 4], with an ICC profile and more tags; deflated, in one strip."""
    height, width, channels = pixels.shape
    bits = 8 * pixels.itemsize
    differences = pixels.astype(f"<u{pixels.itemsize}")
    differences[:, 1:] -= pixels[:, :-1]
    strip = zlib.compress(differences.tobytes())
    names = ExifTags.Base
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    layout: dict[int, Any] = {
        names.ImageWidth: width,
        names.ImageLength: height,
        names.BitsPerSample: (bits,) * channels,
        names.Compression: _DEFLATE,
        names.PhotometricInterpretation: _RGB,
        names.StripOffsets: 0,  # behind the directory, which corrects it
        names.SamplesPerPixel: channels,
        names.RowsPerStrip: height,
        names.StripByteCounts: len(strip),
        names.PlanarConfiguration: _ONE_PLANE,
        names.Predictor: _DIFFERENCES,
        names.InterColorProfile: profile,
    }
    if channels == 4:
        layout[names.ExtraSamples] = _UNASSOCIATED_ALPHA
    for tag, value in {**layout, **tags}.items():
        directory[tag] = value
    buffer = io.BytesIO()
    directory.save(buffer)
    return buffer.getvalue() + strip
