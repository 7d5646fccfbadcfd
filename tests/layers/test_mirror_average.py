"""Mirror images beside pictures."""

import keras
import numpy as np

from nst_keras.layers.mirror_average import MeanOfMirrorImages, WithMirrorImages
from nst_keras.models.cnn import advanced_cnn

IMAGES = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 1)).astype(np.float32)


def test_a_network_answers_with_the_mean_of_both() -> None:
    keras.utils.set_random_seed(0)
    averaged = advanced_cnn((8, 8, 1), 4, mirror_average=True)
    plain = advanced_cnn((8, 8, 1), 4)
    plain.set_weights(averaged.get_weights())
    wanted = (plain(IMAGES) + plain(IMAGES[:, :, ::-1])) / 2
    np.testing.assert_allclose(averaged(IMAGES), wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(averaged(IMAGES[:, :, ::-1]), wanted, rtol=1e-5, atol=1e-6)


def test_training_sees_the_pictures_alone() -> None:
    doubled = WithMirrorImages()
    np.testing.assert_array_equal(doubled(IMAGES, training=True), IMAGES)
    assert doubled(IMAGES).shape == (6, 8, 8, 1)
    np.testing.assert_array_equal(MeanOfMirrorImages()(IMAGES, training=True), IMAGES)
