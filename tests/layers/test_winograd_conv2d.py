"""The layer around Winograd's convolution."""

from pathlib import Path

import keras
import numpy as np

from nst_keras.layers.winograd_conv2d import WinogradConv2D


def _images() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((1, 9, 10, 4)).astype(np.float32)


def test_equals_conv2d_with_the_same_weights() -> None:
    ours, direct = WinogradConv2D(6), keras.layers.Conv2D(6, 3, padding="same")
    images = _images()
    direct(images)
    ours.build(images.shape)
    ours.set_weights([*direct.get_weights()[:1], np.arange(6.0)])
    direct.set_weights(ours.get_weights())
    np.testing.assert_allclose(ours(images), direct(images), atol=1e-4)


def test_sees_weights_that_are_set_later() -> None:
    layer, images = WinogradConv2D(3), _images()
    before = layer(images).numpy()
    layer.set_weights([2 * w for w in layer.get_weights()])
    np.testing.assert_allclose(layer(images), 2 * before, atol=1e-4)


def test_a_saved_model_gives_the_same_features(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((None, None, 4)), WinogradConv2D(5, activation="relu")])
    path = tmp_path / "model.keras"
    model.save(path)
    reloaded = keras.saving.load_model(path)
    np.testing.assert_array_equal(reloaded(_images()), model(_images()))
    assert not reloaded.trainable_weights
