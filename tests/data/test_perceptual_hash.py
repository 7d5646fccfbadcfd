"""Copies of a picture look alike, others don't, and numbers are the same everywhere."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from nst_keras.data.perceptual_hash import coarse_look, low_frequencies, perceptual_hash
from nst_keras.pictures.images import decode_image


def _waves(number: int, height: int = 90, width: int = 120) -> np.ndarray:
    """A picture by whole numbers alone, uint8 [h, w, 3]."""
    rows, columns = np.mgrid[:height, :width]
    red = (rows * (number + 1) + columns * columns // 40) % 256
    green = (rows * columns // (20 + 7 * number)) % 256
    blue = 255 * ((rows - 40) ** 2 + (columns - 30 - 20 * number) ** 2 < 900)
    return np.stack([red, green, blue], -1).astype(np.uint8)


def _hash(data: bytes) -> int:
    return int(perceptual_hash(low_frequencies(decode_image(data, "picture"))))


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def test_numbers_are_the_same_on_every_machine() -> None:
    hashes = [int(perceptual_hash(low_frequencies(_waves(number)))) for number in range(3)]
    assert [f"{number:016x}" for number in hashes] == [
        "06740f4f807fa478",
        "066b4ae51f2077f1",
        "2383f08f386ae433",
    ]
    frequencies = low_frequencies(_waves(0))
    assert frequencies.dtype == np.int8 and np.abs(frequencies).max() == 127
    assert frequencies[:8].tolist() == [-116, -127, -19, -115, -96, 34, 10, -27]


def test_a_picture_without_anything_on_it_has_no_frequencies() -> None:
    for height, width, channels in ((1, 1, 3), (33, 7, 1), (64, 64, 3)):
        assert not low_frequencies(np.full((height, width, channels), 93.0, np.float32)).any()


def test_lossless_copies_and_the_turned_one_are_equal() -> None:
    image = Image.fromarray(_waves(0))
    wanted = _hash(_encoded(image, "PNG"))
    turned = image.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # is shown turned by a quarter to the right
    copies = [
        _encoded(image, "PNG", compress_level=0),
        _encoded(image, "TIFF"),
        _encoded(image, "WEBP", lossless=True),
        _encoded(turned, "PNG", exif=exif),
    ]
    assert [_hash(copy) for copy in copies] == [wanted] * 4
    assert _hash(_encoded(turned, "PNG")) != wanted
    gray = image.convert("L")
    assert _hash(_encoded(gray, "PNG")) == _hash(_encoded(gray.convert("RGB"), "PNG"))


@pytest.mark.parametrize(
    "change",
    [
        lambda image: Image.open(io.BytesIO(_encoded(image, "JPEG", quality=30))),
        lambda image: image.resize((image.width // 2, image.height // 2)),
        lambda image: image.resize((180, 150)),
        lambda image: image.point(lambda value: value * 0.9),
    ],
)
def test_copies_lie_on_one_side_and_are_near(change: Callable[[Image.Image], Image.Image]) -> None:
    hashes = []
    for number in range(4):
        image = Image.fromarray(_waves(number))
        one, other = (perceptual_hash(low_frequencies(np.asarray(copy))) for copy in (image, change(image)))
        assert (int(one) ^ int(other)).bit_count() <= 3
        assert coarse_look(one) == coarse_look(other)
        hashes.append(int(one))
    assert min((a ^ b).bit_count() for a in hashes for b in hashes if a != b) > 10
