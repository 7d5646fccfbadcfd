"""What becomes of a painted picture before it is kept."""

import numpy as np
import pytest

from nst_keras.pictures.finishing import finish
from nst_keras.transfer.settings import StyleTransferSettings

RNG = np.random.default_rng(5)
PHOTO, PAINTED = (RNG.uniform(80, 160, (32, 48, 3)).astype(np.float32) for _ in range(2))


def test_it_is_clipped_and_rounded_not_rescaled() -> None:
    image = np.array([[[-20.0, 99.6, 300.0]]], np.float32)
    np.testing.assert_array_equal(finish(image, image, StyleTransferSettings()), [[[0, 100, 255]]])


def test_kept_colors_are_the_photos() -> None:
    kept = finish(PAINTED, PHOTO, StyleTransferSettings(preserve_color=True)).astype(np.float32)
    for a, b in ((0, 1), (1, 2)):  # differences of channels are the colour
        np.testing.assert_allclose(kept[..., a] - kept[..., b], PHOTO[..., a] - PHOTO[..., b], atol=1.01)
    assert np.abs(kept - PHOTO).mean() > 5


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength_goes_from_the_photo_at_the_picture_s_size_to_the_painting(strength: float) -> None:
    large = np.repeat(np.repeat(np.full_like(PHOTO, 90.0), 2, 0), 2, 1)
    kept = finish(PAINTED, large, StyleTransferSettings(strength=strength))
    np.testing.assert_allclose(kept, strength * PAINTED + (1 - strength) * 90, atol=0.51)
