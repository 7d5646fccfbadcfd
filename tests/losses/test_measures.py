"""Two axes: nobody is good by both who has not painted."""

import numpy as np
import pytest
from scipy import ndimage, stats

from nst_keras.losses.measures import edge_f_score, sliced_wasserstein, stroke_size, structure_distance


@pytest.fixture
def pair(photo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A photo and a striped painting, [96, 96, 3] on 0..255."""
    rng = np.random.default_rng(0)
    strokes = ndimage.gaussian_filter(rng.standard_normal((96, 96, 3)), (1, 6, 0))
    return photo[:96, :96], (128 + 400 * strokes).clip(0, 255).astype(np.float32)


def _features(image: np.ndarray) -> np.ndarray:
    """A place's colour and slopes."""
    return np.concatenate([image, ndimage.sobel(image, 0), ndimage.sobel(image, 1)], -1)[::3, ::3] / 64


def test_the_photo_loses_by_manner_and_a_pasted_painting_by_content(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    photo, painting = pair
    pasted = np.roll(painting, (18, 33), (0, 1))
    assert edge_f_score(photo, photo) == pytest.approx(1) and structure_distance(*[_features(photo)] * 2) == 0
    assert edge_f_score(pasted, photo) < 0.6 and structure_distance(_features(pasted), _features(photo)) > 0.1
    assert sliced_wasserstein(_features(pasted), _features(painting)) < 0.15
    assert sliced_wasserstein(_features(photo), _features(painting)) > 0.45
    assert stroke_size(pasted) == pytest.approx(stroke_size(painting), rel=0.1)
    assert stroke_size(photo) > 1.3 * stroke_size(painting)


def test_edges_may_move_a_little(pair: tuple[np.ndarray, np.ndarray]) -> None:
    photo, _ = pair
    moved = [edge_f_score(np.roll(photo, step, 0), photo) for step in (1, 4, 12)]
    assert moved[0] > 0.9 > moved[1] > moved[2]


def test_sliced_wasserstein_in_one_dimension_is_wassersteins_distance() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(0, 1, (64, 64, 1)), rng.normal(3, 1, (50, 40, 1))
    expected = stats.wasserstein_distance(one.ravel(), other.ravel()) / other.std()
    assert sliced_wasserstein(one, other) == pytest.approx(expected, rel=0.03)


def test_sliced_wasserstein_is_measured_as_ever() -> None:
    """Along the same directions as of pictures that were judged before."""
    rng = np.random.default_rng(2)
    one, other = rng.uniform(0, 1, (20, 30, 6)), rng.normal(0, 1, (25, 16, 6))
    assert sliced_wasserstein(one, other) == pytest.approx(0.859736, abs=1e-5)


@pytest.mark.parametrize("wave", [4, 8, 16, 32])
def test_a_wave_has_its_length(wave: int) -> None:
    rows = 128 + 100 * np.sin(2 * np.pi * np.arange(128) / wave)
    image = np.broadcast_to(rows[:, None, None], (128, 96, 3))
    assert stroke_size(image) == pytest.approx(wave, rel=0.1)


def test_a_flat_picture_is_measured() -> None:
    flat = np.full((48, 64, 3), 90.0)
    assert edge_f_score(flat, flat) == 0 and stroke_size(flat) == 0
    assert structure_distance(_features(flat), _features(flat)) == 0
    assert sliced_wasserstein(_features(flat), _features(flat)) == 0
