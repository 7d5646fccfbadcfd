"""A served stylizer's passes are those of the painter."""

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.ops.cycle_spinning import cycle_spun
from nst_keras.stylizers.served import spun

_CYCLE = np.random.default_rng(0).uniform(0, 40, (8, 8, 3)).astype(np.float32)  # what the grid prints


@pytest.mark.parametrize(("passes", "grid"), [(1, 4), (4, 4), (7, 8), (16, 8)])
def test_passes_are_those_of_the_painter(passes: int, grid: int) -> None:
    pictures = np.random.default_rng(1).uniform(0, 255, (2, 16, 21, 3)).astype(np.float32)

    def print_grid(padded: tf.Tensor) -> tf.Tensor:
        height, width = tf.unstack(tf.shape(padded)[1:3])
        return padded + tf.tile(_CYCLE, [height // 8 + 1, width // 8 + 1, 1])[:height, :width]

    serve = tf.function(
        lambda images: spun(print_grid, images, passes, grid), [tf.TensorSpec([None, None, None, 3])]
    )
    for picture, found in zip(pictures, serve(pictures).numpy(), strict=True):
        wanted = cycle_spun(lambda padded: print_grid(padded[None]).numpy()[0], picture, passes, grid)
        np.testing.assert_allclose(found, wanted, atol=1e-3)
