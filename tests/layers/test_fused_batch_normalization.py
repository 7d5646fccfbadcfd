"""The fused layer against Keras's own."""

from pathlib import Path

import keras
import numpy as np
import pytest

from nst_keras.layers.fused_batch_normalization import FusedBatchNormalization

INPUTS = np.random.default_rng(0).normal(3, 2, (4, 5, 6, 7)).astype(np.float32)


def _both() -> tuple[FusedBatchNormalization, keras.layers.BatchNormalization]:
    fused, plain = (
        FusedBatchNormalization(0.9, 1e-4),
        keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-4),
    )
    for layer in (fused, plain):
        layer.build(INPUTS.shape)
        layer.set_weights([np.linspace(low, low + 2, 7) for low in (0.5, -1, 0, 1)])
    return fused, plain


def test_numbers_and_moving_statistics_are_kerass() -> None:
    fused, plain = _both()
    for _ in range(3):
        np.testing.assert_allclose(fused(INPUTS, training=True), plain(INPUTS, training=True), atol=1e-5)
    for one, other in zip(fused.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    np.testing.assert_allclose(fused(INPUTS), plain(INPUTS), atol=1e-5)


def test_frozen_it_uses_and_keeps_the_moving_statistics() -> None:
    fused, plain = _both()
    fused.trainable = plain.trainable = False
    before = fused.get_weights()
    np.testing.assert_allclose(fused(INPUTS, training=True), plain(INPUTS, training=True), atol=1e-5)
    for old, new in zip(before, fused.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_bfloat16_goes_through_and_statistics_stay_exact() -> None:
    layer = FusedBatchNormalization(0.9, dtype="mixed_bfloat16")
    outputs = layer(INPUTS, training=True)
    assert outputs.dtype == "bfloat16"
    mean = INPUTS.astype("bfloat16").astype(np.float32).mean(axis=(0, 1, 2))
    np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, rtol=1e-5)


def test_save_and_reload(tmp_path: Path) -> None:
    inputs = keras.Input((5, 6, 7))
    model = keras.Model(inputs, FusedBatchNormalization(0.9, 1e-4)(inputs))
    model(INPUTS, training=True)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(INPUTS), model(INPUTS))
    assert again.layers[1].momentum == 0.9


def test_another_axis_is_refused() -> None:
    with pytest.raises(ValueError, match="axis=1"):
        FusedBatchNormalization(axis=1)


def test_float64_is_kerass_own() -> None:
    """The kernel has none, and gradient checks need it."""
    layer = FusedBatchNormalization(epsilon=1e-4, dtype="float64")
    outputs = layer(INPUTS.astype(np.float64), training=True)
    assert outputs.dtype == "float64"
    np.testing.assert_allclose(np.std(outputs, axis=(0, 1, 2)), 1, rtol=1e-3)
