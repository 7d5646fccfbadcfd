"""What one sees in a picture that isn't painted well."""

import numpy as np
import pytest
from scipy import ndimage

from nst_keras.losses.artefacts import (
    SeenPhoto,
    find_artefacts,
    lattice_ratio,
    repetition,
    unpainted_share,
    unrest,
)
from nst_keras.losses.measures import edge_f_score


@pytest.fixture
def painting(photo: np.ndarray) -> np.ndarray:
    strokes = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal(photo.shape), (1, 4, 0))
    return (128 + 300 * strokes).clip(0, 255)


def test_the_photo_and_a_pasted_painting_lose_one_axis_each(photo: np.ndarray, painting: np.ndarray) -> None:
    own = find_artefacts(photo, SeenPhoto.of(photo))
    assert (own.unpainted, own.repetition) == (1, 0) and own.lattice < 3
    assert unpainted_share(painting, SeenPhoto.of(photo)) == 0 and edge_f_score(painting, photo) < 0.6


def test_other_colors_alone_are_no_painting(photo: np.ndarray, painting: np.ndarray) -> None:
    recolored = 255 - photo[..., ::-1] * 0.6
    assert unpainted_share(recolored, SeenPhoto.of(photo)) > 0.9
    half = np.where(np.arange(photo.shape[1])[:, np.newaxis] < 80, recolored, painting)
    assert 0.3 < unpainted_share(half, SeenPhoto.of(photo)) < 0.7
    assert (
        unpainted_share(painting, SeenPhoto.of(np.full_like(photo, 90.0))) == 0
    )  # there is no detail to keep


def test_a_motif_that_comes_again_is_seen(photo: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    motif = ndimage.gaussian_filter(rng.standard_normal((30, 30, 1)), (2, 2, 0), mode="wrap")
    stamped = photo + 300 * np.tile(motif, (4, 6, 1))[:107, :160]
    once = photo + 300 * ndimage.gaussian_filter(rng.standard_normal((107, 160, 1)), (2, 2, 0))
    assert repetition(stamped) > repetition(photo) + 0.2 > repetition(once) + 0.1
    assert repetition(np.full_like(photo, 9.0)) == 0


def test_pictures_of_one_photo_are_judged_as_if_each_were_alone(
    photo: np.ndarray, painting: np.ndarray
) -> None:
    seen = SeenPhoto.of(photo)
    half = (photo + painting) / 2
    for picture in (painting, half, painting):
        alone = find_artefacts(picture, SeenPhoto.of(photo.copy()))
        assert find_artefacts(picture, seen) == alone
        assert alone.repetition == repetition(picture) - repetition(photo)


def test_repetition_is_measured_as_ever() -> None:
    """Else pictures that were judged before could not be compared with those of now."""
    rng = np.random.default_rng(0)
    picture = rng.uniform(0, 255, (120, 80, 3)) + np.linspace(0, 200, 80)[:, np.newaxis]
    assert repetition(np.concatenate([picture[:50]] * 2)) > 0.9  # at half of the height
    picture[55:95, 10:70] += picture[5:45, 10:70]
    assert repetition(picture) == pytest.approx(0.322104, abs=1e-5)


@pytest.mark.parametrize("period", [4, 8])
def test_a_grid_is_seen_at_its_own_period(photo: np.ndarray, period: int) -> None:
    lines = 30.0 * (np.arange(160) % period == 0)[:, np.newaxis] * np.ones(3)
    assert lattice_ratio(photo + lines, period) > 5 * lattice_ratio(photo, period)
    dots = np.zeros([104, 160, 3])
    dots[::period, ::period] = 1
    assert lattice_ratio(dots, period) > 1e6, "what the window spreads isn't taken for surroundings"


def test_a_calm_picture_s_texture_and_border_are_told_apart() -> None:
    flat = np.full([64, 96, 3], 100.0)
    assert unrest(flat) == pytest.approx((0, 0), abs=1e-9)
    rows, columns = np.indices(flat.shape[:2])
    slope = (rows + 2.0 * columns)[..., np.newaxis] * np.ones(3)
    assert unrest(slope) == pytest.approx((0, 0), abs=1e-9)
    assert unrest(slope + 20 * (rows // 8 % 2)[..., np.newaxis])[0] > 5
    framed = flat.copy()
    framed[:, :8] += 40
    inside, border = unrest(framed)
    assert inside == pytest.approx(0, abs=1e-9) and border == pytest.approx(40)
