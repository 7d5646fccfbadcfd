"""PNGs that are stored as they are: only those that every decoder shows alike."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from pipelines.examples.files import decode_picture, encode_picture
from pipelines.examples.plain_pngs import is_plain, is_sound

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


def png(pixels: np.ndarray = PIXELS, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", **options)
    return file.getvalue()


@pytest.mark.parametrize("pixels", [PIXELS, PIXELS[..., 0]])
def test_pixels_and_nothing_else(pixels: np.ndarray) -> None:
    shape = (5, 7, 3 if pixels.ndim == 3 else 1)
    for encoded in (png(pixels), encode_picture(pixels.reshape(shape))):
        assert is_plain(encoded, shape) and is_sound(encoded, shape)
        np.testing.assert_array_equal(decode_picture(encoded), pixels.reshape(shape))


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x112] = 6
    return png(exif=exif)


def texts() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add(b"tEXt", b"Comment\0hello", after_idat=True)
    return png(pnginfo=info)


@pytest.mark.parametrize(
    "encoded",
    [
        png(PIXELS[:4]),  # another shape
        png(PIXELS[..., 0]),  # gray
        png(np.dstack([PIXELS, PIXELS[..., :1]])),  # with alpha
        turned(),
        texts(),
        png(transparency=(1, 2, 3)),
        png() + b"more",
        png()[:-20],
        b"",
    ],
)
def test_all_else_is_not(encoded: bytes) -> None:
    assert not is_sound(encoded, (5, 7, 3))


def test_damage_anywhere_is_seen() -> None:
    whole = png()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        assert not is_sound(bytes(damaged), (5, 7, 3)), place


def test_too_many_pixels_are_not_inflated() -> None:
    whole = png()
    start = whole.index(b"IDAT") - 4
    data = b"IDAT" + zlib.compress(bytes(10_000_000))
    chunk = (len(data) - 4).to_bytes(4, "big") + data + zlib.crc32(data).to_bytes(4, "big")
    assert not is_sound(whole[:start] + chunk + whole[-12:], (5, 7, 3))
