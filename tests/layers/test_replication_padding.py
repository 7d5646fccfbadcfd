"""Padding that repeats the border."""

import keras
import numpy as np
import pytest

from nst_keras.layers.replication_padding import ReplicationPadding2D


@pytest.mark.parametrize("padding", [1, 3])
def test_equals_numpy_edge_padding(padding: int) -> None:
    images = np.random.default_rng(0).standard_normal((2, 4, 5, 3)).astype(np.float32)
    widths = [(0, 0), (padding, padding), (padding, padding), (0, 0)]
    expected = np.pad(images, widths, mode="edge")
    layer = ReplicationPadding2D(padding)
    np.testing.assert_array_equal(layer(images), expected)
    assert layer.compute_output_shape(images.shape) == expected.shape


def test_survives_saving() -> None:
    layer = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(ReplicationPadding2D(2, name="edges"))
    )
    assert (layer.padding, layer.name) == (2, "edges")


@pytest.mark.parametrize("padding", [0, -1, 1.5])
def test_invalid_padding(padding: float) -> None:
    with pytest.raises(ValueError, match="positive integer"):
        ReplicationPadding2D(padding)  # type: ignore[arg-type]
