"""A classifier on a base: raw pixels of any size in, what the base expects inside, reload, frozen base."""

from pathlib import Path

import keras
import numpy as np
import pytest

from nst_keras.classifiers.fine_tuning.network import classifier, feature_model, head_model
from nst_keras.errors import InputError
from nst_keras.layers.imagenet_preprocessing import ImageNetPreprocessing

RNG = np.random.default_rng(0)


def _base() -> keras.Model:
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu", name="conv1_1")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    return keras.Model(inputs, keras.layers.Conv2D(6, 3, name="conv2_1")(x), name="base")


def _features(channels: int = 3, pooling: str = "average") -> keras.Model:
    return feature_model(
        _base(),
        channels=channels,
        image_size=16,
        preprocessing=ImageNetPreprocessing("torch"),
        pooling=pooling,
    )


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_preprocessing_is_kerass(mode: str) -> None:
    pixels = RNG.uniform(0, 255, (2, 4, 5, 3)).astype(np.float32)
    wanted = keras.applications.imagenet_utils.preprocess_input(pixels.copy(), mode=mode)
    np.testing.assert_allclose(ImageNetPreprocessing(mode)(pixels), wanted, rtol=1e-5, atol=1e-5)


def test_vgg_preprocessing_subtracts_the_mean_pixel_and_makes_gray_rgb() -> None:
    gray = np.full((1, 2, 2, 1), 100.0, np.float32)
    result = ImageNetPreprocessing("vgg", (10.0, 20.0, 30.0))(gray)
    np.testing.assert_allclose(result[0, 0, 0], [90, 80, 70])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("pooling,count", [("average", 6), ("max", 6), ("both", 12)])
def test_any_size_gives_one_vector_a_picture(channels: int, pooling: str, count: int) -> None:
    model = _features(channels, pooling)
    for height, width in [(16, 16), (40, 31), (7, 90)]:
        assert model(RNG.uniform(0, 255, (2, height, width, channels))).shape == (2, count)


def test_a_picture_of_the_base_s_size_reaches_it_unchanged() -> None:
    model, images = _features(), RNG.uniform(0, 255, (2, 16, 16, 3)).astype(np.float32)
    base = model.get_layer("base")
    mean = keras.ops.mean(base(ImageNetPreprocessing("torch")(images)), axis=(1, 2)).numpy()
    wanted = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    np.testing.assert_allclose(model(images), wanted, rtol=1e-4, atol=1e-5)


def test_each_pooling_gives_length_one() -> None:
    features = _features(pooling="both")(RNG.uniform(0, 255, (3, 16, 16, 3))).numpy()
    for half in np.split(features, 2, axis=1):
        np.testing.assert_allclose(np.linalg.norm(half, axis=1), 1, rtol=1e-5)


def test_the_base_s_statistics_stay_in_training() -> None:
    model = classifier(_features(), head_model(6, 3))
    images = RNG.uniform(0, 255, (4, 16, 16, 3)).astype(np.float32)
    norm = model.get_layer("base").get_layer("norm")
    before = [value.copy() for value in norm.get_weights()]
    model(images, training=True)
    for old, new in zip(before, norm.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_save_and_reload(tmp_path: Path) -> None:
    head = head_model(6, 3, hidden=(5,))
    head.get_layer("standardize").adapt(RNG.normal(3, 2, (50, 6)))
    model = classifier(_features(), head)
    model.save(tmp_path / "model.keras")
    images = RNG.uniform(0, 255, (2, 20, 30, 3)).astype(np.float32)
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(images), model(images), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"channels": 4}, "channels must be 1 or 3. Received: channels=4"),
        ({"pooling": "median"}, "average"),
    ],
)
def test_what_can_not_be_built(arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _features(**arguments)
    with pytest.raises(InputError, match="num_classes=1"):
        head_model(6, 1)
