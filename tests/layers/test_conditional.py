"""Layers with numbers for each style."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nst_keras.layers.conditional import ConditionalGain, ConditionalInstanceNormalization, ConditionalLayer


@pytest.fixture
def features() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.standard_normal((2, 7, 5, 3)) * [1, 5, 0.2] + [10, 0, -3]).astype(np.float32)


def _layer(features: np.ndarray, num_styles: int) -> ConditionalInstanceNormalization:
    layer = ConditionalInstanceNormalization(num_styles)
    layer.build([features.shape, (None, num_styles)])
    rng = np.random.default_rng(1)
    layer.set_weights([rng.standard_normal((num_styles, 3)) for _ in range(2)])
    return layer


def test_each_picture_gets_the_statistics_of_its_blend(features: np.ndarray) -> None:
    layer = _layer(features, 4)
    weights = np.array([[0, 1, 0, 0], [0.1, 0.2, 0.3, 0.4]], np.float32)
    outputs = np.asarray(layer([features, weights]))
    gamma, beta = (weights @ rows for rows in layer.get_weights())
    np.testing.assert_allclose(outputs.mean((1, 2)), beta, atol=1e-4)
    np.testing.assert_allclose(outputs.std((1, 2)), np.abs(gamma), rtol=1e-3)
    mean, deviation = features.mean((1, 2), keepdims=True), features.std((1, 2), keepdims=True)
    expected = (features - mean) / deviation * gamma[:, None, None] + beta[:, None, None]
    np.testing.assert_allclose(outputs, expected, atol=2e-3)


def test_a_picture_alone_is_what_it_is_among_others(features: np.ndarray) -> None:
    """Both in values and in gradients, though another kernel computes them."""
    layer, weights = _layer(features, 2), np.array([[0.3, 0.7], [1, 0]], np.float32)
    results = []
    for count in (1, 2):
        inputs = tf.constant(features[:count])
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer([inputs, weights[:count]])
            total = tf.reduce_sum(tf.sin(outputs[0]))
        gradients = tape.gradient(total, [inputs, *layer.trainable_variables])
        results.append([outputs[:1], gradients[0][:1], *gradients[1:]])
    for alone, among in zip(*results, strict=True):
        np.testing.assert_allclose(alone, among, rtol=1e-3, atol=1e-4)


def test_contrast_and_brightness_of_the_content_make_no_difference(features: np.ndarray) -> None:
    layer, weights = _layer(features, 1), np.ones((2, 1), np.float32)
    np.testing.assert_allclose(layer([3 * features - 2, weights]), layer([features, weights]), atol=2e-3)


def test_flat_features_stay_finite(features: np.ndarray) -> None:
    for count in (1, 2):
        flat, weights = np.full_like(features[:count], 7), np.ones((count, 1), np.float32)
        assert np.isfinite(_layer(features, 1)([flat, weights])).all()


def test_survives_saving() -> None:
    layer = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(ConditionalInstanceNormalization(3, 0.5, name="norm"))
    )
    assert (layer.num_styles, layer.scale, layer.name) == (3, 0.5, "norm")
    layer.build([(None, None, None, 8), (None, 3)])
    gamma, beta = layer.get_weights()
    assert gamma.shape == beta.shape == (3, 8)
    assert (gamma == 0.5).all()
    assert (beta == 0).all()


@pytest.mark.parametrize("layer_class", [ConditionalInstanceNormalization, ConditionalGain])
@pytest.mark.parametrize("num_styles", [0, 2.0])
def test_invalid_number_of_styles(layer_class: type[ConditionalLayer], num_styles: float) -> None:
    with pytest.raises(ValueError, match=f"positive integer. Received: num_styles={num_styles}"):
        layer_class(num_styles)  # type: ignore[arg-type]


def test_channels_are_multiplied_by_a_blend_of_factors() -> None:
    features = np.random.default_rng(0).standard_normal((2, 4, 5, 3)).astype(np.float32)
    weights = np.array([[1, 0], [0.5, 0.5]], np.float32)
    layer = ConditionalGain(2)
    np.testing.assert_allclose(layer([features, weights]), features)
    layer.set_weights([np.array([[2, 0, 1], [4, -1, 1]])])
    expected = features * np.array([[2, 0, 1], [3, -0.5, 1]])[:, None, None]
    np.testing.assert_allclose(layer([features, weights]), expected, rtol=1e-6)


def test_a_gain_survives_saving() -> None:
    saved = keras.saving.serialize_keras_object(ConditionalGain(3, 0.5, name="gain"))
    layer = keras.saving.deserialize_keras_object(saved)
    assert (layer.num_styles, layer.scale, layer.name) == (3, 0.5, "gain")
    layer.build([(None, None, None, 8), (None, 3)])
    np.testing.assert_array_equal(layer.gamma, np.full((3, 8), 0.5))
