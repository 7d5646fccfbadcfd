"""Picture files in served graphs: pixels as trainings see them, and what is refused before it is decoded."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from nst_keras.pictures.images import decode_image
from nst_keras.served.picture_checks import Limits
from nst_keras.served.picture_files import check_files, decode_file

RNG = np.random.default_rng(0)
COARSE = Image.fromarray(RNG.integers(0, 256, (5, 7, 4), np.uint8)).resize((70, 51))  # JPEG likes it smooth
ORIENTATION = 0x0112


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def with_exif(orientation: int, order: bytes = b"II") -> bytes:
    """EXIF data with a tag before the one that counts."""
    end = "<" if order == b"II" else ">"
    tags = struct.pack(f"{end}HHIHH", 0x0100, 3, 1, 7, 0)
    tags += struct.pack(f"{end}HHIHH", ORIENTATION, 3, 1, orientation, 0)
    header = order + struct.pack(f"{end}HIH", 42, 8, 2)
    return b"Exif\0\0" + header + tags + bytes(4)


def jpeg(segments: bytes = b"", picture: Image.Image = COARSE) -> bytes:
    """A JPEG file with segments of one's own behind its beginning."""
    data = encoded(picture.convert("RGB"), "JPEG", quality=90)
    return data[:2] + segments + data[2:]


def app1(payload: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", 2 + len(payload)) + payload


@pytest.fixture(scope="module")
def decode() -> Callable[..., np.ndarray]:
    """Decodes one file as a served graph does, traced once for each number of channels."""
    graphs = {
        channels: tf.function(
            lambda data, channels=channels: decode_file(data, channels), [tf.TensorSpec([], tf.string)]
        )
        for channels in (1, 3)
    }
    return lambda data, channels=3: graphs[channels](data).numpy()


def sixteen_bits() -> Image.Image:
    return Image.fromarray(np.linspace(0, 65535, 51 * 70).reshape(51, 70).astype(np.uint16))


LIKE_TRAINING = {
    "a JPEG": jpeg(),
    "a progressive JPEG": encoded(COARSE.convert("RGB"), "JPEG", progressive=True),
    "a gray JPEG": encoded(COARSE.convert("L"), "JPEG"),
    "a CMYK JPEG": encoded(COARSE.convert("RGB").convert("CMYK"), "JPEG"),
    "a PNG": encoded(COARSE.convert("RGB"), "PNG"),
    "a gray PNG": encoded(COARSE.convert("L"), "PNG"),
    "a PNG of one bit": encoded(COARSE.convert("1"), "PNG"),
    "a PNG of a palette": encoded(COARSE.convert("RGB").quantize(16), "PNG"),
    "a PNG of a palette with a transparent colour": encoded(
        COARSE.convert("RGB").quantize(16), "PNG", transparency=3
    ),
    "a transparent PNG": encoded(COARSE, "PNG"),
    "a gray, transparent PNG": encoded(COARSE.convert("LA"), "PNG"),
    "a PNG that is turned": encoded(COARSE.convert("RGB"), "PNG", exif=with_exif(6)),
    "a JPEG after other segments": jpeg(
        b"\xff\xfe\x00\x05abc\xff" + app1(b"http://ns.adobe.com/xap/1.0/\0<x/>") + app1(with_exif(8))
    ),
    "two orientations": jpeg(app1(with_exif(3)) + app1(b"no Exif")),
    "no orientation that there is": jpeg(app1(with_exif(9))),
    "EXIF data that is cut short": jpeg(app1(with_exif(6)[:20])),
    "EXIF data that points out of the file": jpeg(app1(b"Exif\0\0II*\0\xff\xff\xff\x7f")),
    "an empty segment": jpeg(b"\xff\xe1\x00\x02" + app1(with_exif(6))),
} | {
    f"orientation {number}, {order.decode()}": jpeg(app1(with_exif(number, order)))
    for number in range(1, 9)
    for order in (b"II", b"MM")
}


@pytest.mark.parametrize("what", LIKE_TRAINING)
def test_pixels_are_those_of_trainings(what: str, decode: Callable[..., np.ndarray]) -> None:
    found, wanted = decode(LIKE_TRAINING[what]), decode_image(LIKE_TRAINING[what], what)
    np.testing.assert_allclose(found, wanted, atol=1)
    assert np.mean(found != wanted) < 0.02, "as good as all pixels are equal"


def test_sixteen_bits_are_as_bright(decode: Callable[..., np.ndarray]) -> None:
    data = encoded(sixteen_bits(), "PNG")
    np.testing.assert_allclose(decode(data), decode_image(data, "deep"), atol=1)


def test_a_turned_phone_picture_equals_the_upright_one(decode: Callable[..., np.ndarray]) -> None:
    lying = jpeg(app1(with_exif(6)))
    upright = decode(lying)
    assert upright.shape == (70, 51, 3)
    np.testing.assert_array_equal(upright, np.rot90(decode(jpeg()), -1))


def test_gray_networks_get_brightness(decode: Callable[..., np.ndarray]) -> None:
    for data in (LIKE_TRAINING["a gray PNG"], LIKE_TRAINING["a JPEG"]):
        wanted = np.asarray(Image.open(io.BytesIO(data)).convert("L"), np.float32)[..., np.newaxis]
        np.testing.assert_allclose(decode(data, 1), wanted, atol=1)


def bomb(width: int, height: int) -> bytes:
    """A small PNG of one bit a pixel that is true to its header."""
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(1 + (width + 7) // 8)) for _ in range(height)) + rows.flush()
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)),
        (b"IDAT", packed),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


SMALL = encoded(COARSE.convert("RGB"), "PNG")  # 3570 pixels
LIMITS = Limits(pixels=4_000, file_pixels=10_000, side=16, pictures=40)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([SMALL, b"GIF89a" + bytes(40)], "picture 1 must be a whole PNG or JPEG file"),
        ([SMALL, bomb(3_000, 3_000)], "picture 1 must have at most 10000 pixels. Received: 3000x3000"),
        ([SMALL] * 41, "a request must have at most 40 pictures. Received: 41"),
        ([bomb(100, 99)] * 17, "files of a request must have at most 160000 pixels in all. Received: 168300"),
        ([SMALL] * 5, "painted pictures of a request must have at most 16000 pixels in all. Received: 17850"),
        (
            [SMALL, bomb(80, 80)],
            "picture 1 must have at most 4000 pixels when it is painted (see longest_side). Received: 80x80",
        ),
    ],
)
def test_refused_before_decoding(files: list[bytes], message: str) -> None:
    sides = np.zeros(len(files), np.int32)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        check_files(tf.constant(files), LIMITS, longest_side=tf.constant(sides))
    assert message in caught.value.message


def test_shrunk_pictures_count_as_they_are_painted() -> None:
    files = tf.constant([SMALL] * 20)
    check_files(files, LIMITS, longest_side=tf.fill([20], 20))
