"""What becomes of profiles, transparency, CMYK, and more or fewer bits than eight."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from nst_keras.errors import InputError
from nst_keras.pictures.color_profiles import srgb_profile
from nst_keras.pictures.images import decode_image

# Columns are red, green and blue in XYZ under D50, as profiles hold them.
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
DISPLAY_P3 = np.array(
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
)
RED_GREEN_SWAPPED = SRGB[:, [1, 0, 2]]

RNG = np.random.default_rng(0)
COLORS = RNG.integers(0, 256, (9, 7, 3), dtype=np.uint8)
GRAYS = RNG.integers(0, 256, (9, 7), dtype=np.uint8)


def encode(image: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def decode(image: Image.Image, image_format: str = "PNG", **options: Any) -> np.ndarray:
    return decode_image(encode(image, image_format, **options), "picture")


def as_gray(image: np.ndarray) -> np.ndarray:
    np.testing.assert_array_equal(image, image[..., :1].repeat(3, axis=-1))
    return image[..., 0]


def profile(space: bytes, connection: bytes, kind: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Puts an ICC version 2 profile together (ICC.1:2001-04)."""
    table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(
        ">I4x4s4s4s4s12x4s28x3I48x",
        *(start + len(body), b"\x02\x10\0\0", kind, space, connection, b"acsp"),
        *(63190, 65536, 54061),
    )
    return header + table + body


def xyz(values: Any) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *(round(65536 * float(value)) for value in values))


def gamma_curve(gamma: float) -> bytes:
    return struct.pack(">4s4xIH", b"curv", 1, round(256 * gamma))


def rgb_profile(primaries: np.ndarray, gamma: float) -> bytes:
    tags = {b"wtpt": xyz((0.9642, 1.0, 0.8249))}
    tags |= {name: xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries.T, strict=True)}
    tags |= {name: gamma_curve(gamma) for name in (b"rTRC", b"gTRC", b"bTRC")}
    return profile(b"RGB ", b"XYZ ", b"mntr", tags)


def gray_profile(gamma: float) -> bytes:
    tags = {b"wtpt": xyz((0.9642, 1.0, 0.8249)), b"kTRC": gamma_curve(gamma)}
    return profile(b"GRAY", b"XYZ ", b"mntr", tags)


def cmyk_profile() -> bytes:
    """All four inks are gray: each takes away a quarter of the lightness."""
    ramp = bytes(range(256))
    corners = bytearray()
    for inks in np.ndindex(2, 2, 2, 2):
        corners += bytes((round(255 * (1 - sum(inks) / 4)), 128, 128))
    identity = struct.pack(">9i", *(65536 * np.eye(3, dtype=int).ravel()))
    table = struct.pack(">4s4x4B", b"mft1", 4, 3, 2, 0) + identity + 4 * ramp + bytes(corners) + 3 * ramp
    return profile(b"CMYK", b"Lab ", b"prtr", {b"wtpt": xyz((0.9642, 1.0, 0.8249)), b"A2B0": table})


def to_srgb_curve(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("primaries", [SRGB, DISPLAY_P3, RED_GREEN_SWAPPED], ids=["srgb", "p3", "swapped"])
@pytest.mark.parametrize("gamma", [1.0, 2.2])
@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "WEBP"])
def test_rgb_profile_is_converted_to_srgb(primaries: np.ndarray, gamma: float, image_format: str) -> None:
    options = {"lossless": True} if image_format == "WEBP" else {}
    icc = rgb_profile(primaries, gamma)
    received = decode(Image.fromarray(COLORS), image_format, icc_profile=icc, **options)
    linear = (COLORS / 255) ** gamma @ primaries.T @ np.linalg.inv(SRGB).T
    np.testing.assert_allclose(received, to_srgb_curve(linear), atol=1.51)


def test_profile_of_a_palette_picture_is_converted() -> None:
    palette = Image.fromarray(COLORS[:1, :4]).quantize(4)
    received = decode(palette, icc_profile=rgb_profile(RED_GREEN_SWAPPED, 2.2))
    expected = to_srgb_curve((COLORS[:1, :4][..., [1, 0, 2]] / 255) ** 2.2)
    np.testing.assert_allclose(received, expected, atol=1.51)


def test_gray_profile_is_converted_with_and_without_alpha() -> None:
    expected = to_srgb_curve((GRAYS / 255) ** 1.6)
    gray = Image.fromarray(GRAYS)
    received = as_gray(decode(gray, icc_profile=gray_profile(1.6)))
    np.testing.assert_allclose(received, expected, atol=1.51)
    gray.putalpha(Image.new("L", gray.size, 255))
    np.testing.assert_array_equal(as_gray(decode(gray, icc_profile=gray_profile(1.6))), received)


def test_gray_with_a_colour_profile_is_converted() -> None:
    received = decode(Image.fromarray(GRAYS), icc_profile=rgb_profile(SRGB, 1.6))
    expected = to_srgb_curve((GRAYS / 255) ** 1.6)
    np.testing.assert_allclose(received, expected[..., None].repeat(3, axis=-1), atol=1.51)


def test_cmyk_profile_is_converted() -> None:
    inks = np.zeros((1, 3, 4), np.uint8)
    inks[0, 1, 0] = 255
    inks[0, 2] = 255
    received = decode(Image.fromarray(inks, "CMYK"), "TIFF", icc_profile=cmyk_profile())[0]
    # L* = 75 is sRGB 185 (CIE 15:2004, IEC 61966-2-1).
    np.testing.assert_allclose(received, [[255] * 3, [185] * 3, [0] * 3], atol=2)


@pytest.mark.parametrize("image_format", ["TIFF", "JPEG"])
def test_cmyk_without_profile(image_format: str) -> None:
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[..., 0] = 255
    received = decode(Image.fromarray(inks, "CMYK"), image_format)
    np.testing.assert_allclose(received, np.broadcast_to([0, 255, 255], (16, 16, 3)), atol=3)


@pytest.mark.parametrize(
    "data",
    [b"not a profile", b"\0" * 200, srgb_profile()[:300], gray_profile(1.0), cmyk_profile()],
    ids=["text", "zeros", "cut", "of gray", "of cmyk"],
)
def test_useless_profile_is_ignored(data: bytes) -> None:
    np.testing.assert_array_equal(decode(Image.fromarray(COLORS), icc_profile=data), COLORS)


def test_colour_profile_on_cmyk_is_ignored() -> None:
    image = Image.fromarray(RNG.integers(0, 256, (5, 5, 4), dtype=np.uint8), "CMYK")
    received = decode(image, "TIFF", icc_profile=rgb_profile(RED_GREEN_SWAPPED, 2.2))
    np.testing.assert_array_equal(received, decode(image, "TIFF"))


def test_own_profile_is_srgb_and_always_the_same() -> None:
    every = np.stack(np.meshgrid(*3 * [np.arange(0, 256, 15, dtype=np.uint8)]), axis=-1).reshape(18, -1, 3)
    np.testing.assert_array_equal(decode(Image.fromarray(every), icc_profile=srgb_profile()), every)
    assert "sRGB" in ImageCms.getProfileName(io.BytesIO(srgb_profile()))
    srgb_profile.cache_clear()
    first = srgb_profile()
    assert first[24:36] == struct.pack(">6H", 2000, 1, 1, 0, 0, 0)


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "WEBP", "TGA"])
def test_alpha_lies_over_white(image_format: str) -> None:
    rgba = np.dstack([COLORS, GRAYS])
    options = {"lossless": True, "exact": True} if image_format == "WEBP" else {}
    alpha = GRAYS[..., None] / 255
    expected = COLORS * alpha + 255 * (1 - alpha)
    np.testing.assert_allclose(decode(Image.fromarray(rgba), image_format, **options), expected, atol=1)


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_gray_alpha_lies_over_white(image_format: str) -> None:
    alpha = COLORS[..., 0]
    image = Image.fromarray(np.dstack([GRAYS, alpha]), "LA")
    expected = GRAYS * (alpha / 255) + 255 - alpha
    np.testing.assert_allclose(as_gray(decode(image, image_format)), expected, atol=1)


@pytest.mark.parametrize("image_format", ["PNG", "GIF"])
def test_transparent_palette_entry_is_white(image_format: str) -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([10, 20, 30, 200, 100, 50, 7, 8, 9])
    image.putdata([0, 1, 2])
    received = decode(image, image_format, transparency=1)
    np.testing.assert_array_equal(received[0], [[10, 20, 30], [255, 255, 255], [7, 8, 9]])


def test_half_transparent_palette_entries() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putdata([0, 1])
    received = decode(image, transparency=bytes([128, 0]))
    np.testing.assert_array_equal(received[0], [[127] * 3, [255] * 3])


@pytest.mark.parametrize(("mode", "key"), [("L", 40), ("I;16", 40_000), ("RGB", (1, 2, 3))])
def test_transparent_value_is_white(mode: str, key: Any) -> None:
    image = Image.new(mode, (2, 1), 0)
    image.putpixel((1, 0), key)
    np.testing.assert_array_equal(decode(image, transparency=key)[0], [[0] * 3, [255] * 3])


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "BMP", "GIF", "PPM"])
def test_gray_and_black_and_white(image_format: str) -> None:
    np.testing.assert_array_equal(as_gray(decode(Image.fromarray(GRAYS), image_format)), GRAYS)
    bits = np.where(GRAYS > 127, 255, 0)
    np.testing.assert_array_equal(as_gray(decode(Image.fromarray(GRAYS > 127), image_format)), bits)


RAMP = np.array([[0, 257, 32768, 65535]])


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "PPM"])
def test_gray_of_16_bits_is_scaled_not_clipped(image_format: str) -> None:
    received = as_gray(decode(Image.fromarray(RAMP.astype(np.uint16)), image_format))
    np.testing.assert_array_equal(received, [[0, 1, 128, 255]])


def test_dark_gray_of_16_bits_stays_dark() -> None:
    received = as_gray(decode(Image.fromarray(np.full((2, 2), 2570, np.uint16))))
    np.testing.assert_array_equal(received, np.full((2, 2), 10))


def tiff(pixels: bytes, bits: int, sample_format: int = 1, photometric: int = 1, order: str = "<") -> bytes:
    """A gray TIFF, two pixels wide and one high (TIFF 6.0, section 4)."""
    tags = [(256, 2), (257, 1), (258, bits), (259, 1), (262, photometric), (273, 8)]
    tags += [(277, 1), (278, 1), (279, len(pixels)), (339, sample_format)]
    entries = b"".join(struct.pack(order + "HHIHH", tag, 3, 1, value, 0) for tag, value in tags)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    start = struct.pack(order + "I", 8 + len(pixels))
    return mark + start + pixels + struct.pack(order + "H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (tiff(struct.pack(">2H", 2570, 65535), 16, order=">"), [10, 255]),
        (tiff(struct.pack("<2H", 2570, 65535), 16, photometric=0), [245, 0]),
        (tiff(b"\x80\x0f\xff", 12), [128, 255]),
        (tiff(struct.pack("<2h", -5, 32767), 16, sample_format=2), [0, 255]),
        (tiff(struct.pack("<2I", 1 << 31, (1 << 32) - 1), 32), [128, 255]),
        (tiff(struct.pack("<2i", 0, (1 << 31) - 1), 32, sample_format=2), [0, 255]),
        (tiff(struct.pack("<2f", 0.5, 1.0), 32, sample_format=3), [128, 255]),
        (tiff(struct.pack(">2f", -0.1, 1.3), 32, sample_format=3, order=">"), [0, 255]),
    ],
    ids=[
        "big-endian",
        "white is 0",
        "12 bits",
        "signed 16",
        "unsigned 32",
        "signed 32",
        "float",
        "overshoot",
    ],
)
def test_tiff_gray_is_scaled_by_its_type(data: bytes, expected: list[int]) -> None:
    np.testing.assert_array_equal(as_gray(decode_image(data, "gray.tif")), [expected])


@pytest.mark.parametrize(
    ("values", "reason"),
    [((0.0, 255.0), r"from 0 \(black\) to 1 \(white\).*0 to 255"), ((0.0, np.nan), "finite")],
)
def test_float_on_another_scale_is_refused(values: tuple[float, float], reason: str) -> None:
    data = tiff(struct.pack("<2f", *values), 32, sample_format=3)
    with pytest.raises(InputError, match=rf"gray\.tif: floating point pixels must .*{reason}"):
        decode_image(data, "gray.tif")


@pytest.mark.parametrize("mode", ["YCbCr", "LAB"])
def test_other_colour_models(mode: str) -> None:
    rgb = Image.new("RGB", (4, 4), (200, 100, 50))
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(rgb, srgb, lab, outputMode="LAB")
    else:
        image = rgb.convert(mode)
    assert image is not None
    received = decode(image, "TIFF")
    np.testing.assert_allclose(received, np.broadcast_to([200, 100, 50], (4, 4, 3)), atol=3)
