"""A factor on each channel, for each style."""

import keras
import numpy as np
import pytest

from nst_keras.layers.conditional_gain import ConditionalGain


def test_channels_are_multiplied_by_a_blend_of_factors() -> None:
    features = np.random.default_rng(0).standard_normal((2, 4, 5, 3)).astype(np.float32)
    weights = np.array([[1, 0], [0.5, 0.5]], np.float32)
    layer = ConditionalGain(2)
    np.testing.assert_allclose(layer([features, weights]), features)
    layer.set_weights([np.array([[2, 0, 1], [4, -1, 1]])])
    expected = features * np.array([[2, 0, 1], [3, -0.5, 1]])[:, None, None]
    np.testing.assert_allclose(layer([features, weights]), expected, rtol=1e-6)


def test_survives_saving() -> None:
    saved = keras.saving.serialize_keras_object(ConditionalGain(3, 0.5, name="gain"))
    layer = keras.saving.deserialize_keras_object(saved)
    assert (layer.num_styles, layer.scale, layer.name) == (3, 0.5, "gain")
    layer.build([(None, None, None, 8), (None, 3)])
    np.testing.assert_array_equal(layer.gamma, np.full((3, 8), 0.5))


def test_invalid_number_of_styles() -> None:
    with pytest.raises(ValueError, match=r"positive integer\. Received: num_styles=0"):
        ConditionalGain(0)
