"""Strips of a very large picture: together they are what the network paints in one piece."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nst_keras.models.arbitrary_style import CODE_LAYER, arbitrary_style, style_statistics
from nst_keras.models.arbitrary_style_strips import paint_in_strips


@pytest.mark.parametrize(("size", "strip_pixels"), [((107, 61), 3000), ((96, 40), 400), ((20, 33), 10**6)])
def test_strips_equal_the_whole(  # type: ignore[no-untyped-def]
    real_weights, photo: np.ndarray, size: tuple[int, int], strip_pixels: int
) -> None:
    keras.utils.set_random_seed(0)
    model = arbitrary_style(real_weights, width=0.125)
    # So that errors at the seams would be far larger than rounding.
    for variable in model.get_layer("decoder").weights:
        variable.assign(2 * variable)
    style = style_statistics(model.get_layer("encoder"), [photo[:64, 60:124]])
    image = photo[: size[0], : size[1]]
    inputs = {"image": tf.constant(image[None]), "mean": style[0], "deviation": style[1]}
    whole = np.asarray(model({**inputs, "strength": tf.ones([1, 1, 1, 1])}, training=False))[0]
    encoder, decoder = (model.get_layer(name) for name in ("encoder", "decoder"))
    strips = paint_in_strips(
        lambda pixels: encoder(pixels)[CODE_LAYER],
        decoder,
        image,
        np.concatenate(style).reshape(2, -1),
        strip_pixels=strip_pixels,
    )
    assert whole.std() > 5
    np.testing.assert_allclose(strips, whole, atol=0.1)
