"""Heat maps: where a network looked is where the thing is, also in small pictures."""

import keras
import numpy as np
import pytest

from nst_keras.reports.grad_cam import draw_grad_cam, grad_cam


@pytest.fixture
def models() -> tuple[keras.Model, keras.Model]:
    """A base that ends in 2 by 2 places, as deep ones of small pictures do, and a head for red and green."""
    inputs = keras.Input((None, None, 3))
    same = keras.layers.Conv2D(3, 1, use_bias=False, name="fine")
    base = keras.Model(inputs, keras.layers.MaxPooling2D(8)(keras.layers.ReLU()(same(inputs))), name="base")
    same.set_weights([np.eye(3, dtype=np.float32)[None, None]])
    pixels = keras.Input((None, None, 3))
    x = base(keras.layers.Rescaling(1 / 255)(pixels))
    features = keras.Model(pixels, keras.layers.GlobalAveragePooling2D(name="average")(x))
    head = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, use_bias=False)])
    head.layers[0].set_weights([np.float32([[1, -1], [-1, 1], [0, 0]])])
    return features, head


def _spots() -> np.ndarray:
    """A red spot to the upper left and a green one to the lower right, on black."""
    images = np.zeros((1, 16, 16, 3), np.uint8)
    images[0, 2:5, 2:5, 0] = images[0, 10:13, 10:13, 1] = 255
    return images


def test_heat_lies_on_what_spoke_for_the_class(models: tuple[keras.Model, keras.Model]) -> None:
    images = np.repeat(_spots(), 2, axis=0)
    red, green = grad_cam(*models, images, np.array([0, 1]))
    assert red.shape == (16, 16), "the last map with enough places, not the last of all"
    assert red[2:5, 2:5].max() == green[10:13, 10:13].max() == 1
    assert red[8:, 8:].max() == green[:8, :8].max() == 0


def test_what_is_hot_keeps_its_colours_and_the_rest_turns_pale() -> None:
    heat = np.zeros((1, 16, 16), np.float32)
    heat[0, :8, :8] = 1
    figure = draw_grad_cam(_spots(), heat, ["red"])
    (axes,) = [axes for axes in figure.axes if axes.images]
    shown = np.asarray(axes.images[0].get_array())
    assert shown.shape[0] >= 224, "a small picture is shown large"
    scale = shown.shape[0] // 16
    np.testing.assert_array_equal(shown[3 * scale, 3 * scale], [255, 0, 0])
    assert np.ptp(shown[11 * scale, 11 * scale].astype(int)) == 0, "gray"
    assert axes.collections, "a frame"
