import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nst_keras.errors import InputError
from nst_keras.ops.correlation import correlate, max_pool, pad_same


def test_a_5x5_image_under_a_2x2_filter_by_hand() -> None:
    image = [[1, 0, 0, 0, 0], [0, 2, 0, 0, 0], [0, 0, 3, 0, 0], [0, 0, 0, 4, 0], [0, 0, 0, 0, 5]]
    expected = [[21, 0, 0, 0], [0, 32, 0, 0], [0, 0, 43, 0], [0, 0, 0, 54]]
    assert_array_equal(correlate(image, [[1, 0], [0, 10]]), expected)
    # Not flipped: the lower left of the kernel meets the lower left of the window.
    assert correlate(image, [[0, 0], [100, 0]]).tolist()[0] == [0, 200, 0, 0]


def test_pooling_takes_2x2_pixels_and_same_padding_has_the_odd_line_below_and_to_the_right() -> None:
    assert max_pool([[1, 2, 3, 4], [5, 6, 7, 8]]).tolist() == [[6, 8]]
    assert pad_same([[1]], (2, 4), 1).tolist() == [[0, 1, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel_shape", [(2, 2), (3, 3), (1, 4), (5, 2)])
def test_equals_keras(kernel_shape: tuple[int, int], stride: int, padding: str) -> None:
    rng = np.random.default_rng(0)
    image, kernel = rng.integers(-9, 9, (7, 8)), rng.integers(-9, 9, kernel_shape)
    expected = keras.ops.conv(
        image[None, :, :, None].astype("float32"),
        kernel[:, :, None, None].astype("float32"),
        strides=stride,
        padding=padding,
    )
    result = correlate(image, kernel, stride, padding)
    assert_array_equal(result, keras.ops.convert_to_numpy(expected)[0, :, :, 0])
    assert result.dtype == image.dtype


@pytest.mark.parametrize("size,stride", [(2, None), (2, 1), (3, 2), (1, 1)])
def test_max_pool_equals_keras(size: int, stride: int | None) -> None:
    image = np.random.default_rng(0).integers(-9, 9, (7, 8))
    expected = keras.ops.max_pool(image[None, :, :, None].astype("float32"), size, stride or size)
    assert_array_equal(max_pool(image, size, stride), keras.ops.convert_to_numpy(expected)[0, :, :, 0])


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"kernel": np.ones((4, 1))}, "kernel must fit into the image of 3 rows and 3 columns.*4 rows"),
        ({"kernel": [1, 2]}, "kernel must be rows of numbers"),
        ({"kernel": np.ones((0, 1))}, "kernel must be rows of numbers"),
        ({"kernel": [["a"]]}, "kernel must be rows of numbers"),
        ({"image": [1, 2]}, r"^image must be rows of numbers\. Received: shape \(2,\), int64$"),
        ({"stride": 0}, "stride must be a whole number, at least 1. Received: stride=0"),
        ({"stride": 1.5}, "stride"),
        ({"padding": "full"}, "padding must be one of valid, same"),
    ],
)
def test_wrong_arguments(arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        correlate(**{"image": np.ones((3, 3)), "kernel": np.ones((2, 2)), **arguments})


@pytest.mark.parametrize(
    "size,stride,message", [(4, None, "size must fit"), (0, None, "size=0"), (2, 0, "=0")]
)
def test_wrong_pooling(size: int, stride: int | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        max_pool(np.ones((3, 3)), size, stride)


def test_wrong_pixels_and_padding() -> None:
    for function in (max_pool, lambda image: pad_same(image, (2, 2), 1)):
        with pytest.raises(InputError, match=r"^image must be rows of numbers"):
            function([1, 2])
    with pytest.raises(InputError, match=r"^stride must be a whole number, at least 1\. Received: stride=0"):
        pad_same([[1]], (2, 2), 0)
    with pytest.raises(ValueError, match="shorter"):
        pad_same([[1]], (2,), 1)
