"""The samples are the first pictures that a newcomer sees: they must be there and look right."""

import subprocess
import sys

import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.pictures import samples

# Mean RGB of the quadrants: upper left, upper right, lower left, lower right.
GOLDEN_QUADRANTS = {
    "strokes": [(64, 109, 153), (76, 117, 158), (114, 113, 80), (143, 128, 94)],
    "stained_glass": [(69, 73, 100), (64, 64, 91), (60, 64, 90), (55, 56, 87)],
    "ink": [(136, 130, 120), (159, 124, 110), (112, 111, 104), (124, 124, 115)],
}


@pytest.fixture(scope="module")
def pictures() -> dict[str, np.ndarray]:
    return {name: samples.read_sample(name) for name in samples.STYLES}


def _quadrants(picture: np.ndarray) -> np.ndarray:
    rows, columns = picture.shape[0] // 2, picture.shape[1] // 2
    blocks = picture[: 2 * rows, : 2 * columns].reshape(2, rows, 2, columns, 3)
    return blocks.mean(axis=(1, 3)).reshape(4, 3)


def _texture(picture: np.ndarray) -> np.ndarray:
    """Colour mean and covariance, and at two scales how strong the edges of each direction are."""
    colors = picture.reshape(-1, 3) / 255
    parts = [colors.mean(axis=0), np.cov(colors.T)[np.triu_indices(3)] * 4]
    gray = picture.mean(axis=-1) / 255
    for step in (1, 4):
        down, right = np.gradient(gray[::step, ::step])
        angle = np.arctan2(down, right) % np.pi
        edges, _ = np.histogram(angle, 8, (0, np.pi), weights=np.hypot(down, right))
        parts.append(edges / gray[::step, ::step].size * 8)
    return np.concatenate(parts)


@pytest.mark.parametrize("name", samples.CONTENTS)
def test_contents_are_the_photos_of_scikit_learn(name: str) -> None:
    photo = samples.read_sample(name)
    assert photo.shape == (427, 640, 3)
    assert photo.dtype == np.float32
    assert photo.min() >= 0 and 200 < photo.max() <= 255


@pytest.mark.parametrize("name", samples.STYLES)
def test_styles_are_large_pictures_in_full_contrast(name: str, pictures: dict[str, np.ndarray]) -> None:
    picture = pictures[name]
    assert picture.ndim == 3 and picture.shape[2] == 3 and min(picture.shape[:2]) >= 500
    assert picture.dtype == np.float32
    assert picture.min() >= 0 and picture.max() <= 255
    assert np.percentile(picture, 2) < 45 and np.percentile(picture, 98) > 200


@pytest.mark.parametrize("name", samples.STYLES)
def test_styles_keep_their_look(name: str, pictures: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(_quadrants(pictures[name]), GOLDEN_QUADRANTS[name], atol=3)


@pytest.mark.parametrize("name", samples.STYLES)
def test_styles_have_texture_everywhere(name: str, pictures: dict[str, np.ndarray]) -> None:
    gray = pictures[name].mean(axis=-1)
    rows, columns = gray.shape[0] // 64, gray.shape[1] // 64
    tiles = gray[: rows * 64, : columns * 64].reshape(rows, 64, columns, 64)
    assert tiles.std(axis=(1, 3)).min() > 6


def test_styles_differ_far_more_than_parts_of_one_style(pictures: dict[str, np.ndarray]) -> None:
    whole = {name: _texture(picture) for name, picture in pictures.items()}
    for name, picture in pictures.items():
        rows, columns = picture.shape[0] // 10, picture.shape[1] // 10
        part = _texture(picture[rows:-rows, columns:-columns])
        others = [np.linalg.norm(part - whole[other]) for other in whole if other != name]
        assert 2 * np.linalg.norm(part - whole[name]) < min(others)


def test_an_unknown_name_is_answered_with_the_list() -> None:
    with pytest.raises(InputError) as error:
        samples.read_sample("mona_lisa")
    for word in ("mona_lisa", *samples.CONTENTS, *samples.STYLES):
        assert word in str(error.value)


def test_names_are_known_without_loading_numpy() -> None:
    code = "import sys, nst_keras.pictures.samples as s; print(s.STYLES); sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
