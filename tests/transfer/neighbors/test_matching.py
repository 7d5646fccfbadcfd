"""Method nn: each place is drawn to the place of the style most like it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.masks import Region
from nst_keras.pictures.resizing import resize
from nst_keras.transfer.checkpoints import read_checkpoint, write_checkpoint
from nst_keras.transfer.descent import (
    Callback,
    Pictures,
    Scale,
    State,
    finished_image,
    initial_image,
    optimize_image,
    plan_scales,
)
from nst_keras.transfer.neighbors import matching
from nst_keras.transfer.neighbors.matching import NeighborObjective, Palette
from nst_keras.transfer.settings import StyleTransferSettings

SETTINGS = StyleTransferSettings(method="nn", size=48, coarsest_size=24, num_steps=4, coarse_steps=2)


@pytest.fixture(scope="module")
def objective(random_weights: VGG19Weights) -> NeighborObjective:
    return NeighborObjective(random_weights, SETTINGS)


@pytest.fixture(scope="module")
def gridded(random_weights: VGG19Weights) -> Iterator[NeighborObjective]:
    """One whose last pass looks at a few places a step, as it does of large pictures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "_GRID", 8)
        yield NeighborObjective(random_weights, SETTINGS)


def _optimize(
    objective: NeighborObjective,
    pictures: Pictures,
    settings: StyleTransferSettings = SETTINGS,
    start: State | None = None,
    callback: Callback | None = None,
) -> State:
    scales = plan_scales(pictures.content, settings)
    return optimize_image(objective, pictures, scales, settings, start=start, callback=callback)


@pytest.mark.large
def test_a_picture_is_its_own_nearest_neighbour(objective: NeighborObjective, photo: np.ndarray) -> None:
    photo, image = photo[:48, :47], tf.constant(photo[np.newaxis, :48, :47])
    for names, evaluate in (
        objective.matched_once(photo, [Palette([photo], [1.0], [None])], 0),
        objective.matched_each_step([Palette([photo], [1.0], [None])], 0, 0),
    ):
        loss, terms, _ = evaluate(image)
        other = evaluate(tf.reverse(image, [1]))[0]
        assert len(names) == len(terms) and float(loss) == pytest.approx(float(sum(terms)), abs=1e-5)
        assert abs(float(loss)) < 1e-4 < 0.01 < float(other)


def test_both_gradients_lower_the_loss(objective: NeighborObjective, photo: np.ndarray) -> None:
    style = np.random.default_rng(0).uniform(0, 255, (40, 40, 3)).astype(np.float32)
    image = tf.constant(photo[np.newaxis, :40, :40])
    for evaluate in (
        objective.matched_once(photo[:40, :40], [Palette([style], [1.0], [None])], 0)[1],
        objective.matched_each_step([Palette([style], [1.0], [None])], 0, 0)[1],
    ):
        loss, _, gradient = evaluate(image)
        assert float(evaluate(image - gradient / tf.norm(gradient) * 50)[0]) < float(loss)


@pytest.mark.large
def test_a_picture_painted_after_itself_gets_its_details_back(
    real_weights: VGG19Weights, photo: np.ndarray
) -> None:
    content = resize(photo, 32, 48)
    pictures, settings = Pictures(content, [content], [1.0]), replace(SETTINGS, coarse_steps=0, num_steps=30)
    objective = NeighborObjective(real_weights, settings)
    start = initial_image(pictures, Scale(32, 48, 1), settings, objective.mean_pixel)
    painted = finished_image(_optimize(objective, pictures, settings), pictures, settings)
    details, *found = (image - resize(resize(image, 8, 12), 32, 48) for image in (content, start, painted))
    blurred, sharp = (np.corrcoef(image.ravel(), details.ravel())[0, 1] for image in found)
    assert blurred < 0.05 and sharp > 0.2  # lost at first, and found again


def test_goes_on_bit_identically(gridded: NeighborObjective, pictures: Pictures, tmp_path: Path) -> None:
    states: list[State] = []
    whole = _optimize(gridded, pictures, callback=lambda state: states.append(state) is not None)
    assert [(state.scale, state.step) for state in states] == [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1), (2, 2)]
    for part in states[::2]:  # at the coarse size, at the full one, in the last pass
        write_checkpoint(tmp_path / "checkpoint.npz", part, {})
        start = read_checkpoint(tmp_path / "checkpoint.npz", {})
        np.testing.assert_array_equal(_optimize(gridded, pictures, start=start).image, whole.image)
    other = _optimize(gridded, pictures, replace(SETTINGS, seed=1), start=start)
    assert not np.array_equal(other.image, whole.image)


def test_losses_of_the_last_pass_are_told_by_layer(objective: NeighborObjective, pictures: Pictures) -> None:
    state = _optimize(objective, pictures)
    assert {"neighbors/relu1_1", "neighbors/relu4_3", "total"} <= set(state.losses)
    assert state.image.shape == (32, 48, 3)
    assert state.image.min() >= 0 and state.image.max() <= 255


def test_shares_choose_between_styles(objective: NeighborObjective, pictures: Pictures) -> None:
    first, second = pictures.styles[0], pictures.content[::-1].copy()

    def paint(styles: list[np.ndarray], blend: list[float]) -> np.ndarray:
        settings = replace(SETTINGS, coarse_steps=0)
        changed = replace(pictures, styles=styles, blend=blend)
        return finished_image(_optimize(objective, changed, settings), changed, settings)

    alone, both = paint([first], [1.0]), paint([first, second], [0.5, 0.5])
    np.testing.assert_array_equal(paint([first, second], [1.0, 0.0]), alone)
    assert np.abs(both - alone).mean() > 1


def test_a_turned_style_is_found_again(objective: NeighborObjective, photo: np.ndarray) -> None:
    style = resize(photo, 32, 32)
    settings = replace(SETTINGS, num_steps=1, coarse_steps=0)
    pictures = Pictures(np.rot90(style).copy(), [style], [1.0])
    losses = [
        _optimize(objective, pictures, replace(settings, turn_style=turned)).losses["total"]
        for turned in (False, True)
    ]
    assert losses[1] < losses[0]


def test_what_is_outside_of_a_mask_stays_the_photo(objective: NeighborObjective, pictures: Pictures) -> None:
    mask = np.zeros((40, 60), np.float32)
    mask[:, 30:] = 1
    settings = replace(SETTINGS, coarse_steps=0, num_steps=2)
    masked = replace(pictures, regions=[Region(mask, [None], [1.0])])
    painted = finished_image(_optimize(objective, masked, settings), masked, settings)
    photo = resize(pictures.content, 32, 48).clip(0, 255)
    np.testing.assert_allclose(painted[:, :23], photo[:, :23], atol=1e-3)
    assert np.abs(painted[:, 25:] - photo[:, 25:]).mean() > 1


@pytest.mark.large
def test_each_region_takes_after_its_own_styles(objective: NeighborObjective, pictures: Pictures) -> None:
    """The left half after a red picture, the right one after the blue half of another."""
    mask = np.zeros((40, 60), np.float32)
    mask[:, 30:] = 1
    texture = pictures.styles[0][:40, :30].mean(-1, keepdims=True) / 255
    red, blue = (texture * np.float32(color) for color in ((255, 40, 40), (40, 40, 255)))
    both = np.concatenate([blue, texture * np.float32([40, 255, 40])], 1)
    left = np.zeros(both.shape[:2], np.float32)
    left[:, :30] = 1
    regions = [Region(1 - mask, [None, None], [1.0, 0.0]), Region(mask, [None, left], [0.0, 1.0])]
    changed = replace(pictures, styles=[red, both], regions=regions)
    settings = replace(SETTINGS, coarse_steps=0)
    painted = finished_image(_optimize(objective, changed, settings), changed, settings)
    first, second = painted[:, :22].mean((0, 1)), painted[:, 26:].mean((0, 1))
    assert first[0] > 2 * first[2] and second[2] > 2 * second[0] and second[2] > 2 * second[1]
    one = [Region(part, [None], [1.0]) for part in (1 - mask, mask)]
    alike = replace(pictures, regions=one)
    alone = finished_image(_optimize(objective, pictures, settings), pictures, settings)
    divided = finished_image(_optimize(objective, alike, settings), alike, settings)
    assert np.abs(divided - alone).mean() < np.abs(painted - alone).mean() / 5
