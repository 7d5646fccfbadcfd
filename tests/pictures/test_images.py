"""Pictures in and out: what goes in comes back, and what can't is named with the reason."""

import errno
import io
import os
import random
import struct
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from nst_keras.errors import InputError
from nst_keras.pictures import opening
from nst_keras.pictures.images import (
    WRITABLE_SUFFIXES,
    decode_image,
    encode_image,
    list_images,
    read_image,
    read_settings,
    write_image,
)
from nst_keras.pictures.opening import pillow_errors

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (24, 17, 3), dtype=np.uint8)
# Smooth, so that lossy formats keep it.
SMOOTH = np.stack(
    [*np.meshgrid(np.linspace(0, 255, 40), np.linspace(255, 60, 30)), np.full((30, 40), 90.0)], -1
)
SETTINGS = {
    "content": "Größe/画像.jpg",
    "not utf-8": "caf\udce9.jpg",
    "settings": {"style_weights": [1.0, 0.1], "tv_weight": 1e-300, "seed": 2**63, "resume": None},
    "nothing": {},
    "flag": True,
    "newlines": "a\r\nb\0",
}
LOSSLESS = (".png", ".tif")

every_format = pytest.mark.parametrize(
    "image_format",
    [
        "JPEG",
        "PNG",
        "WEBP",
        "TIFF",
        "AVIF",
        "GIF",
        "BMP",
        "JPEG2000",
        "PPM",
        "QOI",
        "ICO",
        "DDS",
        "SGI",
        "PCX",
        "TGA",
    ],
)
every_suffix = pytest.mark.parametrize("suffix", WRITABLE_SUFFIXES)


def encode(image: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


@every_suffix
def test_picture_comes_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture{suffix.upper()}"
    write_image(path, SMOOTH)
    received = read_image(path)
    assert received.dtype == np.float32
    tolerance = 0.5 if suffix in LOSSLESS else 12
    np.testing.assert_allclose(received, SMOOTH, atol=tolerance)
    assert abs(received - SMOOTH).mean() < 1.5
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless_formats_keep_every_pixel(suffix: str) -> None:
    np.testing.assert_array_equal(decode_image(encode_image(NOISE, suffix), "picture"), NOISE)


def test_jpeg_keeps_the_resolution_of_colour() -> None:
    stripes = np.zeros((32, 32, 3))
    stripes[:, ::2, 0] = stripes[:, 1::2, 2] = 255
    received = decode_image(encode_image(stripes, ".jpg"), "picture")
    assert abs(received - stripes).mean() < 4


@every_format
def test_every_common_format_is_read_whatever_it_is_called(tmp_path: Path, image_format: str) -> None:
    image = Image.fromarray(np.rint(SMOOTH).astype(np.uint8))
    path = tmp_path / "picture.dat"
    options = {"sizes": [image.size]} if image_format == "ICO" else {}
    path.write_bytes(encode(image, image_format, **options))
    assert abs(read_image(path) - SMOOTH).mean() < 4


def test_values_are_clipped_and_rounded_half_to_even_never_rescaled() -> None:
    values = [-1e9, -0.5, 0.5, 1.5, 2.49999, 254.5, 255.4, 300.0, 1e9]
    expected = [0, 0, 0, 2, 2, 254, 255, 255, 255]
    image = np.repeat(np.array(values)[None, :, None], 3, axis=-1)
    for array in (image, image.astype(np.float32), image.tolist()):
        np.testing.assert_array_equal(decode_image(encode_image(array, ".png"), "p")[0, :, 0], expected)
    gray = np.full((3, 3, 3), 100.0)
    np.testing.assert_array_equal(decode_image(encode_image(gray, ".png"), "p"), gray)
    whole = np.array([[[-7, 12, 4000]]])
    np.testing.assert_array_equal(decode_image(encode_image(whole, ".png"), "p"), [[[0, 12, 255]]])


@every_suffix
def test_written_files_carry_an_srgb_profile_and_name_the_software(suffix: str) -> None:
    image = Image.open(io.BytesIO(encode_image(SMOOTH, suffix)))
    assert "sRGB" in ImageCms.getProfileName(io.BytesIO(image.info["icc_profile"]))
    software = image.info.get("Software") or image.getexif()[ExifTags.Base.Software]
    assert software.startswith("nst_keras ")


@every_suffix
@pytest.mark.parametrize("settings", [SETTINGS, {}, {"prompt": "é" * 9_000}], ids=["mixed", "empty", "long"])
def test_settings_come_back(tmp_path: Path, suffix: str, settings: dict[str, Any]) -> None:
    path = tmp_path / f"picture{suffix}"
    write_image(str(path), SMOOTH, settings)
    assert read_settings(str(path)) == settings
    # They don't harm the picture.
    np.testing.assert_array_equal(read_image(path), decode_image(encode_image(SMOOTH, suffix), "p"))


@every_suffix
def test_same_picture_and_settings_give_the_same_bytes(suffix: str) -> None:
    first = encode_image(SMOOTH, suffix, {"a": 1, "b": 2})
    assert encode_image(SMOOTH, suffix, {"b": 2, "a": 1}) == first


@every_suffix
def test_picture_without_settings_says_so(tmp_path: Path, suffix: str) -> None:
    ours, theirs = tmp_path / f"ours{suffix}", tmp_path / f"theirs{suffix}"
    write_image(ours, SMOOTH)
    Image.fromarray(NOISE).save(theirs)
    for path in (ours, theirs):
        with pytest.raises(InputError, match=rf"{path.name}: holds no settings of nst_keras"):
            read_settings(path)


def test_foreign_and_damaged_descriptions_are_no_settings(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    for text, reason in [
        ("A castle", "no settings"),
        ("nst_keras={", "damaged settings"),
        ("nst_keras=[1]", "damaged settings.*JSON object"),
        ("nst_keras=" + "[" * 20_000, "damaged settings"),
    ]:
        exif = Image.Exif()
        exif[ExifTags.Base.ImageDescription] = text
        Image.fromarray(NOISE).save(path, exif=exif)
        with pytest.raises(InputError, match=rf"a\.jpg: holds {reason}"):
            read_settings(path)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"a": object()}, "settings must be what JSON can hold"),
        ({"a": float("nan")}, "settings must be what JSON can hold"),
        ({"a": "x" * 60_000}, r"settings must be at most 60000 bytes of JSON\. Received: 60009"),
    ],
)
@every_suffix
def test_settings_that_do_not_fit_are_refused(
    tmp_path: Path, suffix: str, settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=rf"a{suffix}: {reason}"):
        write_image(tmp_path / f"a{suffix}", SMOOTH, settings)
    assert os.listdir(tmp_path) == []


def test_longest_settings_fit_into_every_format(tmp_path: Path) -> None:
    settings = {"a": "x" * (60_000 - len('{"a": ""}'))}
    for suffix in WRITABLE_SUFFIXES:
        write_image(tmp_path / f"a{suffix}", SMOOTH, settings)
        assert read_settings(tmp_path / f"a{suffix}") == settings


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.zeros((4, 4)), r"shape \[H, W, 3\] or \[H, W, 4\]\. Received: \[4, 4\]"),
        (np.zeros((1, 4, 4, 3)), r"shape .*\. Received: \[1, 4, 4, 3\]"),
        (np.zeros((4, 4, 5)), r"shape \[H, W, 3\]"),
        (np.zeros((0, 4, 3)), r"shape \[H, W, 3\]"),
        (np.zeros((4, 4, 3), complex), "real numbers. Received: dtype complex128"),
        (np.zeros((4, 4, 3), bool), "real numbers. Received: dtype bool"),
        (np.array([[[0, np.nan, 1]]]), "finite. Received: 1 values"),
        (np.array([[[0, np.inf, -np.inf]]]), "finite. Received: 2 values"),
    ],
)
def test_array_that_is_no_picture_is_refused(tmp_path: Path, image: np.ndarray, reason: str) -> None:
    with pytest.raises(InputError, match=rf"a\.png: image must .*{reason}"):
        write_image(tmp_path / "a.png", image)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["picture", "picture.bmp", ".png", "picture.png.bak"])
def test_unknown_suffix_lists_the_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"{name}: the suffix must be one of \.png, \.jpg, .*\. Received"):
        write_image(tmp_path / name, SMOOTH)


@pytest.mark.parametrize(("suffix", "limit"), [(".jpg", 65_500), (".webp", 16_383)])
def test_longest_side_of_a_format(suffix: str, limit: int) -> None:
    fits = np.zeros((1, limit, 3), np.uint8)
    assert decode_image(encode_image(fits, suffix), "p").shape == fits.shape
    with pytest.raises(InputError, match=rf"at most {limit} px\. Received: 1 x {limit + 1}"):
        encode_image(np.zeros((limit + 1, 1, 3), np.uint8), suffix)


def test_full_disk_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    write_image(path, NOISE, SETTINGS)

    def fsync(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(InputError, match=r"a\.png: cannot be written: no space left on device"):
        write_image(path, SMOOTH)
    np.testing.assert_array_equal(read_image(path), NOISE)
    assert read_settings(path) == SETTINGS
    assert os.listdir(tmp_path) == ["a.png"]


# EXIF 2.32, 4.6.4: where row 0 and column 0 of the stored picture lie, undone by NumPy.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied(image_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image = Image.fromarray(np.rint(SMOOTH).astype(np.uint8))
    received = decode_image(encode(image, image_format, exif=exif), "picture")
    np.testing.assert_allclose(received, UPRIGHT[orientation](SMOOTH), atol=25)
    assert abs(received - UPRIGHT[orientation](SMOOTH)).mean() < 3


def test_orientation_of_gray_with_16_bits() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    image = Image.fromarray((257 * NOISE[..., 0].astype(int)).astype(np.uint16))
    received = decode_image(encode(image, "PNG", exif=exif), "picture")
    np.testing.assert_array_equal(received[..., 0], np.rot90(NOISE[..., 0], -1))


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0"])
def test_broken_exif_does_not_spoil_the_picture(exif: bytes) -> None:
    received = decode_image(encode(Image.fromarray(NOISE), "PNG", exif=exif), "picture")
    np.testing.assert_array_equal(received, NOISE)


@pytest.mark.parametrize("image_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_first_frame_is_read(image_format: str) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue", "lime")]
    options = {"lossless": True} if image_format == "WEBP" else {}
    data = encode(frames[0], image_format, save_all=True, append_images=frames[1:], **options)
    np.testing.assert_array_equal(decode_image(data, "p"), np.broadcast_to([255, 0, 0], (8, 8, 3)))


def test_pipe_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    data = encode(Image.fromarray(NOISE), "PNG")
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    np.testing.assert_array_equal(read_image(pipe), NOISE)
    writer.join()


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises these sides, but holds a few bytes only."""
    chunks = b""
    for name, data in [
        (b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(1000))),
        (b"IEND", b""),
    ]:
        chunks += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize(
    ("sides", "reason"),
    [
        ((12_000, 11_185), r"too many pixels: the limit is 134217728\. Received: 12000 x 11185 = 134220000"),
        ((60_000, 60_000), "too many pixels for Pillow"),
        ((2**31 - 1, 2**31 - 1), "too many pixels for Pillow"),
    ],
)
def test_bomb_is_refused_from_its_header(tmp_path: Path, sides: tuple[int, int], reason: str) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(*sides))
    with pytest.raises(InputError, match=rf"bomb\.png: has {reason}"):
        read_image(path)


def test_pixel_limit_is_the_largest_size_that_is_read() -> None:
    data = encode(Image.fromarray(NOISE), "PNG")
    assert decode_image(data, "a.png", max_pixels=24 * 17).shape == NOISE.shape
    with pytest.raises(
        InputError, match=r"a\.png: has too many pixels: the limit is 407\. Received: 17 x 24 = 408"
    ):
        decode_image(data, "a.png", max_pixels=24 * 17 - 1)


def test_large_picture_within_the_limit_gives_no_warning() -> None:
    # Above Pillow's own warning, and refused only for its missing pixels.
    with pytest.raises(InputError, match=r"a\.png: is damaged or cut short"):
        decode_image(png_header(10_000, 10_000), "a.png")


def test_settings_of_others_are_left_alone() -> None:
    before = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    with pytest.raises(InputError):
        decode_image(png_header(60_000, 60_000), "a.png")
    decode_image(encode(Image.fromarray(NOISE), "PNG"), "a.png")
    others = [filtered for filtered in warnings.filters if filtered is not opening._FILTER]
    assert (Image.MAX_IMAGE_PIXELS, others) == before
    with pytest.raises(UserWarning, match="still heard"):
        warnings.warn("still heard", stacklevel=1)


def test_threads_decode_at_the_same_time_and_only_they_are_silent() -> None:
    both = threading.Barrier(2, timeout=20)

    def decode() -> None:
        with pillow_errors("a.png"):
            both.wait()  # breaks if one waits for the other
            warnings.warn("of a decoder", stacklevel=1)
            both.wait()

    # Warnings are errors in tests.
    with ThreadPoolExecutor(2) as pool:
        decoding = [pool.submit(decode) for _ in range(2)]
        with pytest.raises(UserWarning, match="of another thread"):
            warnings.warn("of another thread", stacklevel=1)
        for one in decoding:
            one.result()


@every_format
def test_truncated_file_is_refused_or_was_whole(image_format: str) -> None:
    data = encode(Image.fromarray(NOISE), image_format)
    whole = decode_image(data, "whole")
    for length in sorted({1, 2, 3, 8, 16, *(len(data) * n // 20 for n in range(1, 20)), len(data) - 1}):
        try:
            received = decode_image(data[:length], "cut.dat")
        except InputError as error:
            assert str(error).startswith("cut.dat: "), error
            continue
        # Some formats end with bytes that carry no pixels.
        np.testing.assert_array_equal(received, whole)
        assert length > 0.9 * len(data)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "JPEG2000", "PSD"])
def test_flipped_bits_never_raise_anything_else(image_format: str) -> None:
    rng = random.Random(0)
    if image_format == "PSD":
        data = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 4, 4, 8, 3) + bytes(12) + bytes(2) + bytes(48)
    else:
        data = (
            encode_image(NOISE, ".tif", SETTINGS)
            if image_format == "TIFF"
            else encode(Image.fromarray(NOISE), image_format)
        )
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(3):
            damaged[rng.randrange(min(len(data), 400))] = rng.randrange(256)
        try:
            received = decode_image(bytes(damaged), "bad.dat", max_pixels=10_000)
        except InputError as error:
            assert str(error).startswith("bad.dat: "), error
        else:
            assert received.shape[2] == 3
            assert np.isfinite(received).all()


@pytest.mark.parametrize("read", [read_image, read_settings])
def test_file_that_is_no_picture_is_named_with_the_reason(
    tmp_path: Path, read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("Dear diary,\n" * 100)
    (tmp_path / "zeros.png").write_bytes(bytes(1000))
    (tmp_path / "drawing.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    for name, reason in [
        ("empty.jpg", "is empty"),
        ("text.jpg", "is not a picture in a known format"),
        ("zeros.png", "is not a picture in a known format"),
        ("drawing.eps", "is not a picture in a known format"),
        ("missing.jpg", "does not exist"),
        ("", "is a folder"),
    ]:
        with pytest.raises(InputError, match=f"{name}: {reason}"):
            read(tmp_path / name)

    def forbid(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", forbid)
    with pytest.raises(InputError, match=r"secret\.jpg: cannot be read: permission denied"):
        read(tmp_path / "secret.jpg")


def test_list_images_sorts_pictures_and_leaves_out_the_rest(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "c.tiff", "d.webp", ".hidden.png", "notes.txt", "page.pdf", "run.nst.npz"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    names = ["a.JPG", "b.png", "c.tiff", "d.webp"]
    assert list_images(tmp_path) == [tmp_path / name for name in names]
    assert list_images(str(tmp_path)) == [tmp_path / name for name in names]


def test_list_images_says_why_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    for path, reason in [
        (tmp_path, "must hold a picture"),
        (tmp_path / "missing", "does not exist"),
        (tmp_path / "a.txt", "is not a folder"),
    ]:
        with pytest.raises(InputError, match=f"{path.name}: {reason}"):
            list_images(path)
