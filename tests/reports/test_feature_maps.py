import keras
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

from nst_keras.errors import InputError
from nst_keras.ops.correlation import correlate
from nst_keras.reports.feature_maps import draw_feature_maps, draw_filters


def _pictures(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for axes in figure.axes for image in axes.images]


@pytest.fixture
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(3, 3, name="first")(inputs)
    x = keras.layers.ReLU(name="active")(x)
    x = keras.layers.Conv2D(70, 2, name="second")(x)
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)), name="tiny")


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (8, 8, 1), dtype=np.uint8)


def test_filters_are_the_weights(model: keras.Model) -> None:
    kernel = keras.ops.convert_to_numpy(model.get_layer("first").kernel)
    pictures = _pictures(draw_filters(model))
    assert len(pictures) == 3
    for index, picture in enumerate(pictures):
        assert_array_equal(picture, kernel[:, :, 0, index])


def test_filters_of_many_inputs_by_mean_or_for_one_of_them(model: keras.Model) -> None:
    kernel = keras.ops.convert_to_numpy(model.get_layer("second").kernel)
    figure = draw_filters(model, "second")
    pictures = _pictures(figure)
    assert len(pictures) == 64
    assert "first 64 of 70" in figure.get_suptitle()
    assert_allclose(pictures[5], kernel[:, :, :, 5].mean(axis=2), rtol=1e-6)
    assert_array_equal(_pictures(draw_filters(model, "second", channel=2))[5], kernel[:, :, 2, 5])
    with pytest.raises(InputError, match=r"channel must be in 0\.\.2 for second. Received: channel=3"):
        draw_filters(model, "second", channel=3)


def test_filters_of_colours_are_in_colour() -> None:
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="rgb")])
    pictures = _pictures(draw_filters(model))
    assert [picture.shape for picture in pictures] == [(3, 3, 3)] * 4
    assert all((picture.min(), picture.max()) == (0, 1) for picture in pictures)


def test_feature_maps_are_convolutions_of_the_picture(model: keras.Model, image: np.ndarray) -> None:
    kernel = keras.ops.convert_to_numpy(model.get_layer("first").kernel)
    shown, *maps = _pictures(draw_feature_maps(model, image))
    assert_array_equal(shown, image[:, :, 0])
    expected = [correlate(image[:, :, 0], kernel[:, :, 0, index]) for index in range(3)]
    assert_allclose(maps, expected, rtol=1e-4, atol=1e-3)
    active = _pictures(draw_feature_maps(model, image, "active"))[1:]
    assert_allclose(active, np.maximum(expected, 0), rtol=1e-4, atol=1e-3)


def test_unknown_layers_and_pictures_are_answered_with_what_there_is(
    model: keras.Model, image: np.ndarray
) -> None:
    for draw in (lambda: draw_filters(model, "third"), lambda: draw_feature_maps(model, image, "third")):
        with pytest.raises(InputError, match=r"layer must be one of first, second. Received: layer=third"):
            draw()
    with pytest.raises(InputError, match=r"image must be of shape \(8, 8, 1\). Received: shape \(7, 8, 1\)"):
        draw_feature_maps(model, image[1:])
    dense = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)], name="flat")
    with pytest.raises(InputError, match=r"must have convolutions. Received: flat"):
        draw_filters(dense)
