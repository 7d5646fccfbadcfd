"""Whatever holds a picture gives its pixels, or an error that says how to tell them."""

import io
from collections.abc import Callable
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis.extra import numpy as arrays
from PIL import Image

from nst_keras.errors import InputError
from nst_keras.pictures.image_like import listed, to_pixels, weighted
from nst_keras.pictures.images import encode_image

PICTURES = arrays.arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(3)))

# The same picture in other types; each is on the scale that its type or its values tell.
TYPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "uint8": lambda x: x,
    "uint16": lambda x: x.astype(np.uint16) * 257,
    "int16": lambda x: x.astype(np.int16),
    "int64": lambda x: x.astype(np.int64),
    "float32 0..1": lambda x: (x / 255).astype(np.float32),
    "float64 0..1": lambda x: x / 255,
    "float16 0..1": lambda x: (x / 255).astype(np.float16),
    "float32 0..255": lambda x: x.astype(np.float32),
    "float64 0..255": lambda x: x.astype(np.float64),
}
# Other layouts of a picture.
LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "RGB": lambda x: x,
    "opaque RGBA": lambda x: np.dstack([x, np.full_like(x[..., :1], 255)]),
    "fortran order": np.asfortranarray,
    "turned view": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("order", ["=", "S"])
@hypothesis.settings(max_examples=15)
@hypothesis.given(picture=PICTURES)
def test_equal_pictures_have_equal_pixels(kind: str, layout: str, order: str, picture: np.ndarray) -> None:
    # Without a value above 2 the scale of some types can't be told.
    hypothesis.assume(picture.max() > 2)
    array = TYPES[kind](LAYOUTS[layout](picture))
    seen = to_pixels(array.astype(array.dtype.newbyteorder(order)), "content")
    assert seen.rgb.dtype == np.float32 and seen.rgb.flags.c_contiguous and seen.alpha is None
    np.testing.assert_allclose(seen.rgb, picture, atol=0.13 if "float16" in kind else 1e-3)


@hypothesis.given(
    array=arrays.arrays(
        st.sampled_from([np.uint8, np.uint16, np.bool_, np.int32, np.float16, np.float32, np.float64]),
        arrays.array_shapes(min_dims=1, max_dims=4, max_side=5),
    )
)
def test_any_array_gives_pixels_or_a_clear_error(array: np.ndarray) -> None:
    try:
        seen = to_pixels(array, "content")
    except InputError as error:
        assert str(error).startswith("content") and ("Received" in str(error))
    else:
        assert seen.rgb.shape == (*array.shape[:2], 3)
        assert 0 <= seen.rgb.min() <= seen.rgb.max() <= 255
        # Brighter stays brighter: nothing is wrapped around or rescaled by what else is in the picture.
        gray = array[..., 0] if array.ndim == 3 else array
        if seen.alpha is None:
            order = np.argsort(gray.ravel().astype(np.float64), kind="stable")
            assert (np.diff(seen.rgb[..., 0].ravel()[order]) >= 0).all()


@pytest.mark.parametrize(
    "array,words",
    [
        (np.linspace(-1, 1, 48).reshape(4, 4, 3), "-1..1, dtype=float64; say which values mean black"),
        (np.full([4, 4, 3], 1.5), "0..1 or 0..255"),
        (np.full([4, 4, 3], 300.0), "0..1 or 0..255"),
        (np.full([4, 4, 3], np.nan), "finite"),
        (np.full([4, 4, 3], 1j), "real numbers"),
        (np.eye(4, dtype=np.int64), "aren't uint8, uint16 or bool"),
        (np.full([4, 4], 256), "0..255"),
        (np.full([4, 4], -1), "0..255"),
        (np.zeros([3, 16, 16]), "channels come last: np.moveaxis(array, 0, -1)"),
        (np.zeros([4, 4, 5]), "3 (RGB)"),
        (np.zeros([0, 4, 3]), "shape=(0, 4, 3)"),
        (np.zeros([4]), "[height, width]"),
        (np.dstack([np.full([4, 4, 3], 200.0), np.full([4, 4], 1.0)]), "alpha on 0..1"),
        ([[0, 0], [0, 0]], "Received: list"),
        (None, "Received: NoneType"),
        ("https://example.org/a.jpg", "download the picture first"),
        (b"no picture", "not a picture"),
        (b"", "is empty"),
        ("missing.jpg", "missing.jpg"),
    ],
)
def test_what_could_mean_two_pictures_is_refused(array: object, words: str) -> None:
    with pytest.raises(InputError, match=r"^content") as refused:
        to_pixels(array, "content")
    assert words in str(refused.value)


def test_a_value_range_tells_black_and_white() -> None:
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5
    for low, high in ((-1, 1), (0, 65535), (-3.5, 0), (0, 1)):
        array = low + picture / 255 * (high - low)
        np.testing.assert_allclose(to_pixels(array, "x", value_range=(low, high)).rgb, picture, atol=1e-3)
    with pytest.raises(InputError, match=r"0\.\.1\. Received: 0\.\.235; clip it"):
        to_pixels(picture, "x", value_range=(0, 1))
    with pytest.raises(InputError, match="value_range must be"):
        to_pixels(picture, "x", value_range=(1, 1))


def test_black_white_and_gray() -> None:
    mask = np.array([[True, False], [False, True]])
    np.testing.assert_array_equal(to_pixels(mask, "x").rgb[..., 1], [[255, 0], [0, 255]])
    for gray in (np.array([[7, 200]], np.uint8), np.array([[[7], [200]]], np.uint8)):
        np.testing.assert_array_equal(to_pixels(gray, "x").rgb, [[[7] * 3, [200] * 3]])


@pytest.mark.parametrize("scale", [255, 1.0], ids=["uint8", "0..1"])
def test_transparency_lies_on_white_and_is_kept(scale: float) -> None:
    array = np.array([[[100, 100, 100, 255], [100, 100, 100, 0], [0, 100, 200, 51]]], np.uint8)
    seen = to_pixels(array if scale == 255 else array / 255, "x")
    np.testing.assert_allclose(seen.rgb, [[[100] * 3, [255] * 3, [204, 224, 244]]], atol=1e-3)
    np.testing.assert_array_equal(seen.alpha, [[255, 0, 51]])
    opaque = np.full([2, 2, 4], 255, np.uint8)
    assert to_pixels(opaque, "x").alpha is None


def test_files_bytes_and_pil_images_are_one_picture(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, [8, 12, 4], np.uint8)
    path = tmp_path / "picture.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.fromarray(picture).save(path, exif=exif)
    with Image.open(path) as opened:
        forms = [to_pixels(form, "x") for form in (str(path), path, path.read_bytes(), opened)]
        assert opened.size == (12, 8)  # the caller's picture isn't turned
    for form in forms:
        assert form.rgb.shape == (12, 8, 3)
        np.testing.assert_array_equal(form.rgb, forms[0].rgb)
        np.testing.assert_array_equal(form.alpha, np.rot90(picture[..., 3], -1))
    np.testing.assert_array_equal(np.rot90(to_pixels(Image.fromarray(picture), "x").rgb, -1), forms[0].rgb)


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "I", "F", "I;16", "RGB", "CMYK", "YCbCr", "HSV", "LA", "RGBX"]
)
def test_pil_images_of_every_mode(mode: str) -> None:
    gray = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (2, 1)))
    if mode == "I;16":
        image = Image.fromarray(np.tile(np.array([0, 65535], np.uint16), (2, 1)))
    else:
        image = gray.convert(mode)
    np.testing.assert_allclose(to_pixels(image, "x").rgb[..., 0], [[0, 255]] * 2, atol=2)


def test_tensors() -> None:
    import keras
    import tensorflow as tf

    picture = np.arange(48, dtype=np.float32).reshape(4, 4, 3) / 47
    for tensor in (
        tf.constant(picture),
        tf.Variable(picture),
        keras.Variable(picture),
        keras.ops.convert_to_tensor(picture),
        tf.cast(picture, tf.bfloat16),
    ):
        np.testing.assert_allclose(to_pixels(tensor, "x").rgb, picture * 255, atol=0.6)
    with pytest.raises(InputError, match="gives no array"):
        to_pixels(keras.Input([4, 4, 3]), "content")


def test_lists_and_batches() -> None:
    batch = np.zeros([2, 4, 5, 3], np.uint8)
    assert [part.shape for part in listed(batch) or ()] == [(4, 5, 3)] * 2
    assert listed(["a.jpg", batch[0]]) is not None
    assert listed(batch[0]) is None and listed("a.jpg") is None and listed(Image.new("L", (2, 2))) is None


def test_weights_of_styles() -> None:
    assert weighted("a", None) == (["a"], ())
    assert weighted(["a", "b"], [1, 3]) == (["a", "b"], (1.0, 3.0))
    assert weighted({"a": 1, "b": 3}, None) == (["a", "b"], (1.0, 3.0))
    assert weighted(["a", "b"], {"b": 3, "a": 1}) == (["a", "b"], (1.0, 3.0))
    for styles, weights in ((["a", "b"], {"a": 1}), (["a"], {"a": 1, "b": 2}), ([np.eye(2)], {"a": 1})):
        with pytest.raises(InputError, match="style_weights must have one weight for the name"):
            weighted(styles, weights)
    with pytest.raises(InputError, match="left out"):
        weighted({"a": 1}, [1])


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_written_transparency_comes_back(suffix: str) -> None:
    picture = np.zeros([6, 8, 4], np.uint8)
    picture[2:, 3:] = 90, 90, 90, 255
    picture[:2, 3:, 3] = 128
    read = to_pixels(encode_image(picture, suffix), "x")
    np.testing.assert_allclose(read.alpha, picture[..., 3], atol=1)
    on_white = to_pixels(encode_image(picture, ".jpg"), "x")
    assert on_white.alpha is None
    np.testing.assert_allclose(on_white.rgb, read.rgb, atol=30)
    assert on_white.rgb[-1, 0, 0] > 240


def test_bytes_of_any_format_are_read() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2), (255, 128, 0)).save(buffer, "WEBP", lossless=True)
    np.testing.assert_array_equal(to_pixels(buffer.getvalue(), "x").rgb, np.full([2, 3, 3], (255, 128, 0)))
