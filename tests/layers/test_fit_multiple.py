"""Sides made a multiple of a number, and back."""

import keras
import numpy as np
import pytest

from nst_keras.layers.fit_multiple import CropLike, PadToMultiple


@pytest.mark.parametrize("height,width,padded", [(8, 12, (8, 12)), (5, 7, (8, 8)), (4, 9, (4, 12))])
def test_sides_become_multiples_and_what_was_there_stays(
    height: int, width: int, padded: tuple[int, int]
) -> None:
    images = np.random.default_rng(0).standard_normal((2, height, width, 3)).astype(np.float32)
    layer = PadToMultiple(4)
    outputs = np.asarray(layer(images))
    rows, columns = padded[0] - height, padded[1] - width
    np.testing.assert_array_equal(
        outputs, np.pad(images, [(0, 0), (0, rows), (0, columns), (0, 0)], "symmetric")
    )
    assert layer.compute_output_shape(images.shape) == outputs.shape
    np.testing.assert_array_equal(CropLike()([outputs, images]), images)


def test_unknown_sides_stay_unknown() -> None:
    assert PadToMultiple(4).compute_output_shape((None, None, 6, 3)) == (None, None, 8, 3)
    assert CropLike().compute_output_shape([(None, 8, 8, 3), (None, None, 6, 1)]) == (None, None, 6, 3)


def test_survives_saving() -> None:
    saved = keras.saving.serialize_keras_object(PadToMultiple(4, name="pad"))
    assert keras.saving.deserialize_keras_object(saved).multiple == 4
    saved = keras.saving.serialize_keras_object(CropLike(name="crop"))
    assert keras.saving.deserialize_keras_object(saved).name == "crop"
