"""Painted videos without flicker."""

import numpy as np
import pytest

from nst_keras.pictures.videos.steadiness import find_shift, keep_steady


@pytest.mark.parametrize("rows,columns", [(0, 0), (3, -5), (-7, 2), (10, -16)])
def test_the_shift_of_a_panned_photo_is_found(photo: np.ndarray, rows: int, columns: int) -> None:
    before = photo[30:80, 40:110]
    after = photo[30 - rows : 80 - rows, 40 - columns : 110 - columns]
    assert find_shift(before, after) == (rows, columns)


def test_noise_and_other_pictures_do_not_move(photo: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    noisy = [photo + rng.normal(0, 6, photo.shape).astype(np.float32) for _ in range(2)]
    assert find_shift(*noisy) == (0, 0)
    flat = np.full_like(photo, 90)
    assert find_shift(flat, flat) == (0, 0)


def test_where_nothing_moved_the_previous_painting_stays(photo: np.ndarray) -> None:
    painted, before = np.full_like(photo, 100), np.full_like(photo, 140)
    np.testing.assert_allclose(keep_steady(painted, photo, before, photo, 0.75), 130, atol=0.01)
    np.testing.assert_array_equal(keep_steady(painted, photo, before, photo, 0), painted)


def test_what_changed_is_painted_anew_and_the_rest_stays(photo: np.ndarray) -> None:
    changed = photo.copy()
    changed[20:60, 20:60] = 255 - changed[20:60, 20:60]
    painted, before = np.full_like(photo, 100), np.full_like(photo, 140)
    result = keep_steady(painted, changed, before, photo, 0.75)
    assert result[25:55, 25:55].mean() < 104
    np.testing.assert_allclose(result[70:], 130, atol=0.01)


def test_the_previous_painting_moves_along(photo: np.ndarray) -> None:
    """Painted in another colour, with a tear where the camera hadn't been."""
    before, after = photo[:100, :150], photo[4:104, 6:156]
    result = keep_steady(np.zeros_like(after), after, 255 - before, before, 0.5)
    np.testing.assert_allclose(result[:96, :144], 0.5 * (255 - after[:96, :144]), atol=0.01)
    assert (result[96:] == 0).all() and (result[:, 144:] == 0).all()
