"""Pictures made one size: the largest centred box of the wanted aspect, without bends; and which size."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from nst_keras.ops.fitting import LONGEST_DEFAULT_SIDE, LONGEST_KEPT_SIDE, choose_size, fit_pixels


def _noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


def _fit(image: np.ndarray, height: int, width: int) -> np.ndarray:
    return fit_pixels(tf.constant(image), height, width).numpy()


def test_a_picture_of_the_right_size_is_left_alone() -> None:
    image = tf.constant(_noise(9, 14))
    assert fit_pixels(image, 9, 14) is image


@pytest.mark.parametrize(
    "shape,size,box",
    [
        ((9, 14), (9, 9), np.s_[:, 2:11]),  # wide: columns go from both sides, an odd one from the right
        ((14, 9), (9, 9), np.s_[2:11, :]),
        ((12, 12), (4, 12), np.s_[4:8, :]),
        ((12, 13), (12, 4), np.s_[:, 4:8]),
    ],
)
def test_the_box_is_centred(shape: tuple[int, int], size: tuple[int, int], box: tuple) -> None:
    """Sizes that need no resizing, so that each pixel shows where it comes from."""
    image = _noise(*shape)
    np.testing.assert_array_equal(_fit(image, *size), image[box])


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_resized_is_what_tensorflow_resizes(channels: int) -> None:
    image = _noise(30, 47, channels)
    box = image[:, 8:38]  # 30 of the 47 columns, eight left out before them and nine behind
    expected = tf.round(tf.image.resize(box, (8, 8), antialias=True)).numpy()
    np.testing.assert_array_equal(_fit(image, 8, 8), expected.astype(np.uint8))


def test_shrinking_averages() -> None:
    stripes = np.zeros((32, 32, 1), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(_fit(stripes, 8, 8)[:, 1:-1].astype(int) - 127).max() < 10


@given(st.tuples(*[st.integers(1, 40)] * 4))
def test_any_size_fits_into_any_other(sides: tuple[int, int, int, int]) -> None:
    height, width = sides[2:]
    found = _fit(np.full((*sides[:2], 1), 77, np.uint8), height, width)
    assert (found.shape, found.dtype) == ((height, width, 1), np.uint8)
    assert (found == 77).all()


def _choose(*sizes: tuple[int, int]) -> tuple[tuple[int, int], list[str]]:
    notes: list[str] = []
    return choose_size(np.array(sizes), notes.append), notes


@pytest.mark.parametrize("size", [(1, 1), (28, 30), (LONGEST_KEPT_SIDE, 3), (3, LONGEST_KEPT_SIDE)])
def test_pictures_of_one_size_keep_it(size: tuple[int, int]) -> None:
    assert _choose(size, size) == (size, [])


@pytest.mark.parametrize(
    "sizes,chosen",
    [
        ([(10, 20), (10, 20), (30, 20)], (10, 20)),
        ([(10, 20), (30, 20)], (20, 20)),
        ([(10, 21), (10, 24)], (10, 22)),
        ([(LONGEST_KEPT_SIDE + 1, 2 * LONGEST_KEPT_SIDE + 2)] * 2, (64, LONGEST_DEFAULT_SIDE)),
        ([(200, 100), (300, 100)], (LONGEST_DEFAULT_SIDE, 51)),
        ([(100_000, 1), (100_000, 2)], (LONGEST_DEFAULT_SIDE, 1)),
    ],
)
def test_others_are_made_alike_and_the_user_is_told(
    sizes: list[tuple[int, int]], chosen: tuple[int, int]
) -> None:
    found, notes = _choose(*sizes)
    assert found == chosen
    assert notes == [
        f"pictures are cut and resized to {chosen[0]}x{chosen[1]} (height x width); "
        "--image_size sets another size"
    ]
