"""What becomes of a painted picture before it is kept."""

import numpy as np
import pytest

from nst_keras.pictures.finishing import finish, recolored_style, rounded
from nst_keras.pictures.settings import FinishSettings

RNG = np.random.default_rng(5)
PHOTO, PAINTED = (RNG.uniform(80, 160, (32, 48, 3)).astype(np.float32) for _ in range(2))
PAINTED = PAINTED * np.float32([0.5, 1, 0.7]) + np.float32([40, 0, 0])  # other colours


def _moments(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pixels = picture.reshape(-1, 3)
    return pixels.mean(0), np.cov(pixels.T)


def test_it_is_clipped_and_rounded_not_rescaled() -> None:
    image = np.array([[[-20.0, 99.6, 300.0]]], np.float32)
    np.testing.assert_array_equal(rounded(finish(image, image, FinishSettings())), [[[0, 100, 255]]])


@pytest.mark.parametrize("on", [True, "luma"])
def test_kept_colors_are_the_photos(on: str | bool) -> None:
    kept = finish(PAINTED, PHOTO, FinishSettings(preserve_color=on))
    for a, b in ((0, 1), (1, 2)):  # differences of channels are the colour
        np.testing.assert_allclose(kept[..., a] - kept[..., b], PHOTO[..., a] - PHOTO[..., b], atol=0.01)
    assert np.abs(kept - PHOTO).mean() > 5


@pytest.mark.parametrize("how", ["match", "transport"])
def test_matched_and_transported_colors_have_the_photos_mean_and_covariance(how: str) -> None:
    kept = finish(PAINTED, PHOTO, FinishSettings(preserve_color=how))
    for moment, wanted in zip(_moments(kept), _moments(PHOTO), strict=True):
        np.testing.assert_allclose(moment, wanted, rtol=0.01, atol=5)


def test_a_transport_moves_colors_less_than_any_other_match() -> None:
    moved = {
        how: np.square(finish(PAINTED, PHOTO, FinishSettings(preserve_color=how)) - PAINTED).mean()
        for how in ("match", "transport")
    }
    assert moved["transport"] < moved["match"]


def test_a_matched_painting_is_painted_after_and_then_left_as_it_is() -> None:
    settings = FinishSettings(preserve_color="match")
    painting = recolored_style(PAINTED, PHOTO, settings)
    np.testing.assert_allclose(_moments(painting)[0], _moments(PHOTO)[0], rtol=0.01)
    np.testing.assert_array_equal(finish(painting, PHOTO, settings, styles_matched=True), painting)
    for other in ("none", "luma", "transport"):
        assert recolored_style(PAINTED, PHOTO, FinishSettings(preserve_color=other)) is PAINTED


@pytest.mark.parametrize("how", ["luma", "match", "transport"])
def test_color_strength_goes_from_the_paintings_colors_to_the_photos(how: str) -> None:
    ends, half = (
        [finish(PAINTED, PHOTO, FinishSettings(preserve_color=how, color_strength=share)) for share in shares]
        for shares in ((0.0, 1.0), (0.5,))
    )
    np.testing.assert_array_equal(ends[0], PAINTED)
    np.testing.assert_allclose(half[0], (ends[0] + ends[1]) / 2, atol=1e-3)
    painting = recolored_style(PAINTED, PHOTO, FinishSettings(preserve_color="match", color_strength=0.0))
    np.testing.assert_array_equal(painting, PAINTED)


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength_goes_from_the_photo_at_the_picture_s_size_to_the_painting(strength: float) -> None:
    large = np.repeat(np.repeat(np.full_like(PHOTO, 90.0), 2, 0), 2, 1)
    kept = finish(PAINTED, large, FinishSettings(strength=strength))
    np.testing.assert_allclose(kept, strength * PAINTED + (1 - strength) * 90, atol=1e-3)
