"""Padding that goes on with what is at the border."""

import keras
import numpy as np
import pytest

from nst_keras.layers.padding import BorderPadding2D, ReflectionPadding2D, ReplicationPadding2D

LAYERS = pytest.mark.parametrize("layer_class", [ReflectionPadding2D, ReplicationPadding2D])


@pytest.mark.parametrize("padding", [1, 3])
@pytest.mark.parametrize(
    "layer_class,mode", [(ReflectionPadding2D, "reflect"), (ReplicationPadding2D, "edge")]
)
def test_equals_numpy_padding(layer_class: type[BorderPadding2D], mode: str, padding: int) -> None:
    images = np.random.default_rng(0).standard_normal((2, 4, 5, 3)).astype(np.float32)
    widths = [(0, 0), (padding, padding), (padding, padding), (0, 0)]
    expected = np.pad(images, widths, mode=mode)  # type: ignore[call-overload]
    layer = layer_class(padding)
    np.testing.assert_array_equal(layer(images), expected)
    assert layer.compute_output_shape(images.shape) == expected.shape
    assert layer.compute_output_shape((None, None, 5, 3)) == (None, None, 5 + 2 * padding, 3)


@LAYERS
def test_survives_saving(layer_class: type[BorderPadding2D]) -> None:
    saved = keras.saving.serialize_keras_object(layer_class(2, name="border"))
    layer = keras.saving.deserialize_keras_object(saved)
    assert (type(layer), layer.padding, layer.name) == (layer_class, 2, "border")


@LAYERS
@pytest.mark.parametrize("padding", [0, -1, 1.5])
def test_invalid_padding(layer_class: type[BorderPadding2D], padding: float) -> None:
    with pytest.raises(ValueError, match=f"positive integer. Received: padding={padding}"):
        layer_class(padding)  # type: ignore[arg-type]
