"""How strongly a picture is painted."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_keras.ops.blending import apply_strength

_RNG = np.random.default_rng(0)
PHOTOS = tf.constant(_RNG.uniform(0, 255, (4, 3, 5, 3)), tf.float32)
PAINTED = tf.constant(_RNG.uniform(0, 255, (4, 3, 5, 3)), tf.float32)


def test_none_is_the_photo_and_all_the_painting() -> None:
    np.testing.assert_array_equal(apply_strength(PHOTOS, PAINTED, tf.zeros(4)), PHOTOS)
    np.testing.assert_allclose(apply_strength(PHOTOS, PAINTED, tf.ones(4)), PAINTED, atol=1e-4)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4))
def test_each_picture_has_its_own_strength(strengths: list[float]) -> None:
    found = apply_strength(PHOTOS, PAINTED, tf.constant(strengths)).numpy()
    for number, strength in enumerate(strengths):
        expected = (1 - strength) * PHOTOS[number] + strength * PAINTED[number]
        np.testing.assert_allclose(found[number], expected, atol=1e-3)
        # Within the two pictures, so within 0..255.
        low, high = np.minimum(PHOTOS[number], PAINTED[number]), np.maximum(PHOTOS[number], PAINTED[number])
        assert (found[number] >= low - 1e-3).all() and (found[number] <= high + 1e-3).all()
