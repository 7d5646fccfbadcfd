import keras
import numpy as np
import pytest
import tensorflow as tf

from nst_keras.layers.hand_written_dense import HandWrittenDense


def _gradients(layer: keras.layers.Layer, inputs: tf.Tensor) -> list[np.ndarray]:
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(tf.square(layer(inputs)))
    return [np.asarray(one) for one in tape.gradient(loss, [inputs, layer.kernel, layer.bias])]


@pytest.fixture
def inputs() -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).standard_normal((5, 4)), tf.float32)


@pytest.mark.parametrize("fault", ["", "sign_slip", "missing_bias", "transposed"])
def test_equals_dense_but_for_its_fault(fault: str, inputs: tf.Tensor) -> None:
    layer, right = HandWrittenDense(3, fault), keras.layers.Dense(3)
    right.build(inputs.shape)
    layer.build(inputs.shape)
    right.set_weights([np.full((4, 3), 0.5), np.arange(3.0)])
    layer.set_weights(right.get_weights())
    np.testing.assert_allclose(layer(inputs), right(inputs), rtol=1e-5)
    of_inputs, of_kernel, of_bias = _gradients(right, inputs)
    if fault == "sign_slip":
        of_kernel = -of_kernel
    if fault == "missing_bias":
        of_bias = np.zeros(3)
    if fault == "transposed":
        of_kernel = of_kernel.T.reshape(4, 3)
    for found, expected in zip(_gradients(layer, inputs), (of_inputs, of_kernel, of_bias), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_survives_saving() -> None:
    layer = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(HandWrittenDense(3, "missing_bias", name="last"))
    )
    assert (layer.units, layer.fault, layer.name) == (3, "missing_bias", "last")


def test_unknown_fault() -> None:
    with pytest.raises(ValueError, match=r"sign_slip, missing_bias, transposed. Received: fault=sign"):
        HandWrittenDense(3, "sign")
