"""Contents with the statistics of styles."""

import keras
import numpy as np

from nst_keras.layers.adaptive_instance_normalization import AdaptiveInstanceNormalization
from nst_keras.ops.instance_statistics import instance_statistics


def test_features_get_the_statistics_of_others() -> None:
    rng = np.random.default_rng(0)
    features = (rng.standard_normal((2, 9, 6, 4)) * 3 + 1).astype(np.float32)
    styles = (rng.standard_normal((2, 5, 8, 4)) * [1, 2, 3, 4] - 5).astype(np.float32)
    outputs = np.asarray(AdaptiveInstanceNormalization()([features, *instance_statistics(styles)]))
    np.testing.assert_allclose(outputs.mean((1, 2)), styles.mean((1, 2)), atol=1e-4)
    np.testing.assert_allclose(outputs.std((1, 2)), styles.std((1, 2)), rtol=1e-4)


def test_own_statistics_change_nothing() -> None:
    features = np.random.default_rng(0).standard_normal((1, 9, 6, 4)).astype(np.float32)
    outputs = AdaptiveInstanceNormalization()([features, *instance_statistics(features)])
    np.testing.assert_allclose(outputs, features, atol=1e-5)


def test_survives_saving() -> None:
    saved = keras.saving.serialize_keras_object(AdaptiveInstanceNormalization(name="norm"))
    assert keras.saving.deserialize_keras_object(saved).name == "norm"
