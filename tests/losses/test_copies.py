"""The share of copied things: a pasted painting's is high, a photo's low."""

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.losses.copies import copied_share
from nst_keras.models.vgg19 import feature_network
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.ops.preprocessing import preprocess
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.pictures.samples import read_sample

PIECE = 16  # places of 8x8 pixels


def test_pieces_of_a_painting_are_found_where_they_were_pasted() -> None:
    rng = np.random.default_rng(0)
    painting, picture = (rng.standard_normal((20, 24, 16)) for _ in range(2))
    assert copied_share(painting, painting, piece=20 * 24) == 1
    assert copied_share(painting, painting, piece=20 * 24 + 1) == 0
    assert copied_share(picture, painting, piece=PIECE) == 0
    pasted = picture.copy()
    pasted[2:10, 5:15] = 2 * painting[9:17, :10]  # a thing of 80 positions, in more contrast
    pasted[13:16, 2:7] = painting[:3, 3:8]  # a stroke of 15
    share = copied_share(pasted, painting, piece=PIECE)
    assert share == pytest.approx(80 / (20 * 24), abs=0.01)
    common = np.linspace(-30, 30, 16)  # what all places have says nothing
    assert copied_share(pasted + common, painting + common, piece=PIECE) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("name", ["strokes", "stained_glass"])
def test_a_pasted_painting_scores_high_and_an_unchanged_photo_low(
    real_weights: VGG19Weights, photo: np.ndarray, name: str
) -> None:
    network = feature_network(real_weights, ["relu4_1"], edges="replicate")

    def look(image: np.ndarray) -> np.ndarray:
        pixels = tf.constant(image[np.newaxis], tf.float32)
        return np.asarray(network(preprocess(pixels, real_weights.mean_pixel))["relu4_1"])[0]

    painting = read_sample(name)
    painting = resize(painting, *fit_size(painting, 160))
    pasted = photo.copy()
    pasted[8:104, 48:152] = painting[:96, :104]
    shares = [copied_share(look(image), look(painting), piece=PIECE) for image in (painting, pasted, photo)]
    assert shares[0] == 1 and shares[1] > 0.3 and shares[2] < 0.05
