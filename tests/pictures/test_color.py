"""Colour spaces."""

import numpy as np
import pytest

from nst_keras.pictures.color import oklab_to_srgb, srgb_to_oklab


@pytest.mark.parametrize(
    "rgb,lab",
    [  # the author's figures
        ((255, 255, 255), (1.0, 0.0, 0.0)),
        ((255, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 255, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 255), (0.45201, -0.03246, -0.31153)),
    ],
)
def test_oklab_of_known_colours(rgb: tuple[int, ...], lab: tuple[float, ...]) -> None:
    np.testing.assert_allclose(srgb_to_oklab(np.array(rgb)), lab, atol=1e-5)


def test_oklab_and_back() -> None:
    pictures = np.random.default_rng(0).uniform(-20, 275, (2, 9, 7, 3)).astype(np.float32)
    np.testing.assert_allclose(oklab_to_srgb(srgb_to_oklab(pictures)), pictures, atol=0.01)
