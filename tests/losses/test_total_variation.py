"""Total variation by hand."""

import pytest
import tensorflow as tf

from nst_keras.losses.total_variation import total_variation


def test_total_variation_by_hand() -> None:
    # Columns 0, 3: one horizontal difference of 3 in each row; no vertical one.
    image = tf.constant([[[[0.0], [3.0]], [[0.0], [3.0]]]])
    assert float(total_variation(image)) == pytest.approx(9.0)
    assert float(total_variation(tf.transpose(image, [0, 2, 1, 3]))) == pytest.approx(9.0)
