import keras
import numpy as np
import pytest

from nst_keras.layers.blocked_conv2d import BlockedConv2D


@pytest.mark.parametrize(("channels", "filters", "size", "block"), [(3, 5, 9, 4), (4, 3, 9, 2), (2, 2, 5, 4)])
def test_equals_a_convolution(channels: int, filters: int, size: int, block: int) -> None:
    keras.utils.set_random_seed(0)
    plain = keras.layers.Conv2D(filters, size, bias_initializer="uniform")
    blocked = BlockedConv2D(filters, size, block, use_bias=True)
    images = keras.random.normal([2, 24, 16, channels])
    expected = plain(images)
    blocked.build(images.shape)
    blocked.set_weights(plain.get_weights())
    assert blocked.compute_output_shape(images.shape) == expected.shape
    np.testing.assert_allclose(blocked(images), expected, atol=1e-5)


def test_kernels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"one more than a multiple of block. Received: kernel_size=7, block=4"
    ):
        BlockedConv2D(3, 7, 4)
