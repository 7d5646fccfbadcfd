"""PNG and TIFF of 16 bits a channel, and what pictures take over from the photo's file."""

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import ExifTags, Image, ImageCms
from PIL.TiffImagePlugin import IFDRational

from nst_keras.errors import InputError
from nst_keras.pictures.images import (
    WRITABLE_SUFFIXES,
    decode_pixels,
    encode_image,
    read_image,
    read_pixels,
    read_settings,
    write_image,
)
from nst_keras.pictures.settings import FileSettings

RNG = np.random.default_rng(0)
SHOT, GPS = ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo
TAGS = {
    ExifTags.Base.Make: "Maker",
    ExifTags.Base.Artist: "Somebody",
    SHOT: {
        ExifTags.Base.DateTimeOriginal: "2020:05:17 10:11:12",
        ExifTags.Base.BodySerialNumber: "4711",
    },
    GPS: {1: "N", 2: (48.0, 30.0, 1.5)},
}


def _strip(tiff: bytes, channels: int) -> np.ndarray:
    """The pixels of a TIFF of 16 bits, as its tags say they lie."""
    tags = Image.open(io.BytesIO(tiff)).tag_v2
    start, length = tags[273][0], tags[279][0]
    values = np.frombuffer(zlib.decompress(tiff[start : start + length]), "<u2")
    return np.cumsum(values.reshape(tags[257], tags[256], channels), axis=1, dtype=np.uint16)


@pytest.mark.parametrize("channels", [3, 4])
def test_deep_pictures_keep_fractions(channels: int) -> None:
    image = RNG.uniform(0, 255, (13, 10, channels))
    image[0, 0] = 255
    wanted = np.rint(image * 257).astype(np.uint16)
    png, tiff = (encode_image(image, suffix, {"size": 1}, bit_depth=16) for suffix in (".png", ".tif"))
    np.testing.assert_array_equal(tf.io.decode_png(png, dtype=tf.uint16), wanted)
    np.testing.assert_array_equal(_strip(tiff, channels), wanted)
    for data in (png, tiff):
        pixels = decode_pixels(data, "picture")
        np.testing.assert_allclose(pixels.colors, wanted[..., :3] // 256)
        assert (pixels.alpha is None) == (channels == 3)


def test_deep_pictures_carry_settings_and_eight_bits_become_sixteen(tmp_path: Path) -> None:
    for suffix in (".png", ".tiff"):
        write_image(tmp_path / f"a{suffix}", np.full((2, 3, 3), 200, np.uint8), {"size": 1}, bit_depth=16)
        assert read_settings(tmp_path / f"a{suffix}") == {"size": 1}
        np.testing.assert_array_equal(read_image(tmp_path / f"a{suffix}"), np.full((2, 3, 3), 200.0))


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_formats_without_sixteen_bits_say_which_have_them(suffix: str) -> None:
    with pytest.raises(InputError, match=r"bit_depth 16 needs the suffix \.png or \.tif or \.tiff"):
        encode_image(np.zeros([2, 2, 3]), suffix, bit_depth=16)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """In colours that no screen shows at once: red and green are swapped."""
    exif = Image.Exif()
    exif.update(TAGS)
    swapped = _swapped_profile()
    picture = Image.fromarray(np.full((4, 6, 3), (200, 40, 90), np.uint8))
    picture.save(tmp_path / "photo.jpg", exif=exif.tobytes(), icc_profile=swapped, quality=100)
    return tmp_path / "photo.jpg"


def _swapped_profile() -> bytes:
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for place in range(132, 132 + 12 * int.from_bytes(data[128:132], "big"), 12):
        name = bytes(data[place : place + 4])
        if name in (b"rXYZ", b"gXYZ"):
            data[place : place + 4] = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}[name]
    return bytes(data)


@pytest.mark.parametrize("suffix", WRITABLE_SUFFIXES)
@pytest.mark.parametrize("exif", ["none", "camera", "place"])
def test_date_and_camera_are_kept_and_the_place_only_if_asked(photo: Path, suffix: str, exif: str) -> None:
    carried = FileSettings(exif=exif).carried(read_pixels(photo).carried)
    data = encode_image(np.zeros([3, 4, 3]), suffix, {"size": 1}, carried=carried)
    kept = Image.open(io.BytesIO(data)).getexif()
    assert kept.get(ExifTags.Base.Make) == (None if exif == "none" else "Maker")
    date = {} if exif == "none" else {ExifTags.Base.DateTimeOriginal: "2020:05:17 10:11:12"}
    assert dict(kept.get_ifd(SHOT)) == date
    assert dict(kept.get_ifd(GPS)) == ({1: "N", 2: (48.0, 30.0, 1.5)} if exif == "place" else {})
    assert ExifTags.Base.Artist not in kept and b"4711" not in data


def test_without_metadata_nothing_is_kept(photo: Path) -> None:
    assert not FileSettings(metadata="none", exif="place").carried(read_pixels(photo).carried).tags


@pytest.mark.parametrize("suffix", WRITABLE_SUFFIXES)
def test_a_kept_profile_shows_the_same_colors(photo: Path, suffix: str) -> None:
    pixels = read_pixels(photo)
    assert pixels.colors[0, 0, 1] > pixels.colors[0, 0, 0]  # in sRGB the photo is green
    carried = FileSettings(color_profile="content").carried(pixels.carried)
    data = encode_image(np.dstack([pixels.colors, np.full((4, 6), 255)]), suffix, carried=carried)
    stored = Image.open(io.BytesIO(data))
    assert stored.info["icc_profile"] == pixels.carried.profile
    np.testing.assert_allclose(np.asarray(stored.convert("RGB"))[0, 0], (200, 40, 90), atol=4)
    np.testing.assert_allclose(decode_pixels(data, "picture").colors, pixels.colors, atol=4)


def test_sixteen_bits_in_a_photos_profile_are_refused() -> None:
    with pytest.raises(InputError, match="bit_depth 16 is written with color_profile srgb only"):
        FileSettings(bit_depth="16", color_profile="content")


def test_broken_tags_are_left_out(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.update({ExifTags.Base.Make: "M" * 40_000, GPS: {2: (IFDRational(1, 0),) * 3}})
    Image.new("RGB", (4, 4)).save(tmp_path / "photo.jpg", exif=exif.tobytes())
    carried = read_pixels(tmp_path / "photo.jpg").carried
    for suffix in WRITABLE_SUFFIXES:
        encode_image(np.zeros([3, 4, 3]), suffix, {"long": "x" * 59_000}, carried=carried)
