"""The network for any painting: sizes, strength, blends, saving, and a short training of its decoder."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.models.arbitrary_style import (
    CODE_LAYER,
    STYLE_LAYERS,
    arbitrary_style,
    build_decoder,
    style_statistics,
)
from nst_keras.ops.instance_statistics import instance_statistics
from nst_keras.ops.reflection import MIN_SIDE
from nst_keras.pictures.samples import read_sample


@pytest.fixture(scope="module")
def model(real_weights) -> keras.Model:  # type: ignore[no-untyped-def]
    keras.utils.set_random_seed(0)
    return arbitrary_style(real_weights, width=0.125)


@pytest.fixture(scope="module")
def paintings() -> list[np.ndarray]:
    return [read_sample(name)[:64, :96] for name in ("ink", "stained_glass")]


def _paint(
    model: keras.Model, image: np.ndarray, style: tuple[tf.Tensor, tf.Tensor], strength: float
) -> np.ndarray:
    inputs = {
        "image": tf.constant(image[np.newaxis]),
        "mean": style[0],
        "deviation": style[1],
        "strength": tf.fill([1, 1, 1, 1], strength),
    }
    return np.asarray(model(inputs, training=False)[0])


def test_pixels_in_pixels_out_at_any_size(
    model: keras.Model, photo: np.ndarray, paintings: list[np.ndarray]
) -> None:
    style = style_statistics(model.get_layer("encoder"), paintings[:1])
    for height, width in ((MIN_SIDE, MIN_SIDE), (17, 30), (107, 61)):
        painted = _paint(model, photo[:height, :width], style, 1.0)
        assert painted.shape == (height, width, 3)
        assert 0 <= painted.min() < painted.max() <= 255


def test_only_the_decoder_is_trained(model: keras.Model) -> None:
    decoder = model.get_layer("decoder")
    assert {id(variable) for variable in model.trainable_variables} == {
        id(variable) for variable in decoder.weights
    }


def test_the_code_takes_on_the_painting_s_statistics(
    model: keras.Model, photo: np.ndarray, paintings: list[np.ndarray]
) -> None:
    mean, deviation = style_statistics(model.get_layer("encoder"), paintings[:1])
    code = keras.Model(model.input, model.get_layer("mixed").output)
    found = instance_statistics(_paint(code, photo, (mean, deviation), 1.0)[np.newaxis])
    np.testing.assert_allclose(found[0], mean, rtol=1e-3, atol=0.1)
    # A channel that is the same all over the photo can't be given a deviation.
    varied = instance_statistics(_paint(code, photo, (mean, deviation), 0.0)[np.newaxis])[1].numpy() > 0.1
    np.testing.assert_allclose(found[1].numpy()[varied], deviation.numpy()[varied], rtol=1e-3, atol=0.01)


def test_strength_0_paints_the_photo_whatever_the_style(
    model: keras.Model, photo: np.ndarray, paintings: list[np.ndarray]
) -> None:
    encoder = model.get_layer("encoder")
    styles = [style_statistics(encoder, [painting]) for painting in paintings]
    plain = [_paint(model, photo, style, 0.0) for style in styles]
    np.testing.assert_array_equal(plain[0], plain[1])
    code = encoder(photo[np.newaxis, :104])[CODE_LAYER]
    np.testing.assert_allclose(
        _paint(model, photo[:104], styles[0], 0.0), model.get_layer("decoder")(code)[0], atol=0.01
    )
    assert np.abs(_paint(model, photo, styles[0], 1.0) - plain[0]).max() > 1


def test_blended_statistics_lie_between(model: keras.Model, paintings: list[np.ndarray]) -> None:
    encoder = model.get_layer("encoder")
    ends = [style_statistics(encoder, [painting])[0] for painting in paintings]
    blended = style_statistics(encoder, paintings, [0.75, 0.25])[0]
    np.testing.assert_allclose(blended, 0.75 * ends[0] + 0.25 * ends[1], rtol=1e-5)
    equal = style_statistics(encoder, paintings)[0]
    np.testing.assert_allclose(equal, (ends[0] + ends[1]) / 2, rtol=1e-5)


def test_it_is_the_same_after_saving(
    model: keras.Model, photo: np.ndarray, paintings: list[np.ndarray], tmp_path: Path
) -> None:
    style = style_statistics(model.get_layer("encoder"), paintings)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(_paint(loaded, photo, style, 0.7), _paint(model, photo, style, 0.7))


def test_the_encoder_gives_the_layers_by_which_style_is_compared(
    model: keras.Model, photo: np.ndarray
) -> None:
    features = model.get_layer("encoder")(photo[np.newaxis, :64, :64])
    assert [(name, features[name].shape[1]) for name in features] == list(
        zip(STYLE_LAYERS, (64, 32, 16, 8), strict=True)
    )


def test_a_decoder_without_filters_is_refused() -> None:
    with pytest.raises(InputError, match=r"width must leave a filter.*Received: width=0.001"):
        build_decoder(width=0.001)
