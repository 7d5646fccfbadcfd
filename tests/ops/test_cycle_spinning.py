"""What a network's grid prints goes away, and nothing else changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nst_keras.losses.artefacts import lattice_ratio
from nst_keras.ops.cycle_spinning import cycle_spun

GRIDS = st.sampled_from([4, 8])


@given(st.integers(16, 40), st.integers(16, 40), st.integers(1, 16), GRIDS)
def test_what_draws_each_pixel_by_itself_draws_the_same(
    height: int, width: int, passes: int, grid: int
) -> None:
    picture = np.random.default_rng(height).uniform(0, 255, (height, width, 3))
    spun = cycle_spun(lambda padded: 255 - padded, picture, passes, grid)
    np.testing.assert_allclose(spun, 255 - picture, atol=1e-9)


@given(st.integers(1, 16), GRIDS)
def test_no_two_passes_lie_alike_on_the_grid(passes: int, grid: int) -> None:
    places = np.add.outer(1000 * np.arange(40), np.arange(40))[..., np.newaxis].astype(float)
    corners: list[tuple[int, int]] = []

    def note_corner(padded: np.ndarray) -> np.ndarray:
        (found,) = np.argwhere(padded[..., 0] == 20 * 1001) % grid  # one place of the picture
        corners.append(tuple(found))
        return padded

    cycle_spun(note_corner, places, passes, grid)
    assert len(set(corners)) == len(corners) == passes


@pytest.mark.parametrize(("passes", "most"), [(1, np.inf), (4, 1e-9), (16, 1e-9)])
def test_the_lowest_frequencies_of_a_grid_cancel(passes: int, most: float) -> None:
    noise = np.random.default_rng(0).uniform(100, 150, (64, 64, 3))

    def print_grid(padded: np.ndarray) -> np.ndarray:
        rows, columns = np.indices(padded.shape[:2])
        grid = np.cos(rows * np.pi / 2) + np.sin(columns * np.pi / 2) + np.cos((rows + columns) * np.pi / 2)
        return padded + 40 * grid[..., np.newaxis]

    spun = cycle_spun(print_grid, noise, passes, 4)
    assert np.abs(spun - noise).max() <= most
    assert (lattice_ratio(spun, 4) > 100) == (passes == 1)
