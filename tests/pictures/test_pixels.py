"""Preprocessing, resizing and colour."""

import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.ops.preprocessing import deprocess, preprocess
from nst_keras.pictures.color import luma, match_color_statistics, with_colors_of
from nst_keras.pictures.resizing import fit_size, resize

MEAN = (120.0, 110.0, 100.0)


def _picture(height: int = 12, width: int = 20, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)


def test_preprocessing_subtracts_the_mean_of_each_channel_and_back() -> None:
    image = _picture()
    ready, back = preprocess(image, MEAN), deprocess(image, MEAN)
    assert ready.dtype == back.dtype == np.float32
    np.testing.assert_allclose(ready[..., 2], image[..., 2] - 100.0)
    np.testing.assert_allclose(deprocess(ready, MEAN), image, atol=1e-4)


@pytest.mark.parametrize(
    "height,width,side,expected",
    [(600, 800, 400, (300, 400)), (800, 600, 400, (400, 300)), (3, 10000, 512, (1, 512))],
)
def test_fit_size_keeps_the_aspect_ratio(
    height: int, width: int, side: int, expected: tuple[int, int]
) -> None:
    assert fit_size(np.zeros((height, width, 3)), side) == expected


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.zeros((32, 32, 3), np.float32)
    stripes[:, ::2] = 255
    assert np.abs(resize(stripes, 8, 8)[1:-1, 1:-1] - 127.5).max() < 10


def test_resize_keeps_values_outside_the_range() -> None:
    assert resize(np.full((4, 4, 3), 300.0, np.float32), 8, 8).min() > 299


def test_resize_to_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="0x5"):
        resize(_picture(), 0, 5)


def test_kept_colors_have_the_paintings_brightness_and_the_photos_chroma() -> None:
    painting, photo = _picture(seed=1), _picture(seed=2)
    mixed = with_colors_of(painting, photo)
    np.testing.assert_allclose(luma(mixed), luma(painting), atol=1e-3)
    np.testing.assert_allclose(mixed - luma(mixed), photo - luma(photo), atol=1e-3)


def test_matched_colors_have_the_references_mean_and_covariance() -> None:
    reference = _picture(9, 9, seed=3) * [0.5, 1.0, 0.2] + [10, 0, 90]
    moved = match_color_statistics(_picture(seed=4), reference)
    np.testing.assert_allclose(moved.mean((0, 1)), reference.mean((0, 1)), rtol=1e-4)
    np.testing.assert_allclose(
        np.cov(moved.reshape(-1, 3).T), np.cov(reference.reshape(-1, 3).T), rtol=1e-3, atol=0.5
    )


def test_a_flat_picture_can_take_colors() -> None:
    moved = match_color_statistics(np.full((8, 8, 3), 50.0, np.float32), _picture())
    assert np.isfinite(moved).all()
