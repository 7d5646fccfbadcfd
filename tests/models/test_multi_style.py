"""The feed-forward network: sizes, styles, saving, and pictures too large for one piece."""

import itertools
from pathlib import Path

import keras
import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.models.multi_style import multi_style
from nst_keras.models.multi_style_strips import stylize_in_strips
from nst_keras.ops.reflection import MIN_SIDE


def _randomized(num_styles: int) -> keras.Model:
    """A network whose styles differ, as after a training."""
    keras.utils.set_random_seed(0)
    model = multi_style(num_styles, width=0.125)
    rng = np.random.default_rng(0)
    for variable in model.weights:
        if variable.name in ("gamma", "beta"):
            variable.assign(variable + 0.3 * rng.standard_normal(variable.shape))
    return model


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return _randomized(3)


def _paint(model: keras.Model, images: np.ndarray, weights: list[list[float]]) -> np.ndarray:
    return np.asarray(model({"image": images, "style_weights": np.array(weights, np.float32)}))


def test_pixels_in_pixels_out_at_any_size(model: keras.Model, photo: np.ndarray) -> None:
    for height, width in ((MIN_SIDE, MIN_SIDE), (17, 30), (107, 159)):
        painted = _paint(model, photo[None, :height, :width], [[1, 0, 0]])
        assert painted.shape == (1, height, width, 3)
        assert 0 <= painted.min() < painted.max() <= 255


def test_pictures_of_a_batch_have_styles_of_their_own(model: keras.Model, photo: np.ndarray) -> None:
    one_hot = np.eye(3).tolist()
    batch = _paint(model, np.repeat(photo[None], 3, axis=0), one_hot)
    for painted, style in zip(batch, one_hot, strict=True):
        np.testing.assert_allclose(painted, _paint(model, photo[None], [style])[0], atol=0.01)
    assert np.abs(batch[0] - batch[1]).mean() > 5


def test_one_style_of_many_is_what_a_network_of_that_style_alone_paints(
    model: keras.Model, photo: np.ndarray
) -> None:
    single = multi_style(1, width=0.125)
    for one, many in zip(single.weights, model.weights, strict=True):
        one.assign(many[2:3] if many.name in ("gamma", "beta") else many)
    expected = _paint(single, photo[None], [[1]])
    np.testing.assert_allclose(_paint(model, photo[None], [[0, 0, 1]]), expected, atol=0.01)


def test_blends_lie_between(model: keras.Model, photo: np.ndarray) -> None:
    steps = [_paint(model, photo[None], [[1 - part, part, 0]]) for part in (0, 0.25, 0.5, 0.75, 1)]
    distances = [np.abs(step - steps[0]).mean() for step in steps]
    assert distances == sorted(distances)
    changes = [np.abs(after - before).mean() for before, after in itertools.pairwise(steps)]
    assert max(changes) < 0.6 * distances[-1]


def test_no_checkerboard() -> None:
    """Transposed convolutions leave a pattern of their stride even where the photo is flat."""
    photo = np.full((1, 96, 640, 3), 90, np.float32)
    photo[:, :, 320:] = 160
    painted = _paint(_randomized(1), photo, [[1]])[0]
    for first in (112, 448):  # out of sight of the edge between the two colours
        flat = painted[32:64, first : first + 64]
        np.testing.assert_allclose(flat, np.broadcast_to(flat[0, 0], flat.shape), atol=0.1)
    assert np.abs(painted[:, 112] - painted[:, 448]).mean() > 5


def test_saved_networks_reload(model: keras.Model, photo: np.ndarray, tmp_path: Path) -> None:
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    weights = [[0.2, 0.3, 0.5]]
    np.testing.assert_array_equal(_paint(reloaded, photo[None], weights), _paint(model, photo[None], weights))


@pytest.mark.parametrize("num_styles,width", [(0, 0.5), (2, 0.01)])
def test_networks_of_nothing(num_styles: int, width: float) -> None:
    with pytest.raises(InputError, match=rf"Received: num_styles={num_styles}, width={width}"):
        multi_style(num_styles, width=width)


@pytest.mark.parametrize(
    "height,width,strip_pixels",
    [(107, 160, 107 * 160), (107, 160, 5000), (33, 22, 1), (MIN_SIDE, MIN_SIDE, 100)],
)
def test_strips_paint_what_the_whole_does(
    model: keras.Model, photo: np.ndarray, height: int, width: int, strip_pixels: int
) -> None:
    """One strip, some, strips of single rows, and the smallest picture."""
    part, weights = photo[:height, :width], [0.2, 0.3, 0.5]
    expected = _paint(model, part[None], [weights])[0]
    painted = stylize_in_strips(model, part, np.array(weights, np.float32), strip_pixels=strip_pixels)
    np.testing.assert_allclose(painted, expected, atol=0.1)
