"""Padding that mirrors the border."""

import keras
import numpy as np
import pytest

from nst_keras.layers.reflection_padding import ReflectionPadding2D


@pytest.mark.parametrize("padding", [1, 3])
def test_equals_numpy_reflection(padding: int) -> None:
    images = np.random.default_rng(0).standard_normal((2, 4, 5, 3)).astype(np.float32)
    widths = [(0, 0), (padding, padding), (padding, padding), (0, 0)]
    expected = np.pad(images, widths, mode="reflect")
    layer = ReflectionPadding2D(padding)
    np.testing.assert_array_equal(layer(images), expected)
    assert layer.compute_output_shape(images.shape) == expected.shape
    assert layer.compute_output_shape((None, None, 5, 3)) == (None, None, 5 + 2 * padding, 3)


def test_survives_saving() -> None:
    layer = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(ReflectionPadding2D(2, name="mirror"))
    )
    assert (layer.padding, layer.name) == (2, "mirror")


@pytest.mark.parametrize("padding", [0, -1, 1.5])
def test_invalid_padding(padding: float) -> None:
    with pytest.raises(ValueError, match=f"positive integer. Received: padding={padding}"):
        ReflectionPadding2D(padding)  # type: ignore[arg-type]
