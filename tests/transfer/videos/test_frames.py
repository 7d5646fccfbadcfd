"""Frames that go on from one another."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.resizing import resize
from nst_keras.transfer.objective import Objective
from nst_keras.transfer.settings import StyleTransferSettings
from nst_keras.transfer.videos.frames import FilmPainter
from nst_keras.transfer.videos.settings import FilmSettings

pytest.importorskip("cv2")


@pytest.fixture
def settings(shallow: StyleTransferSettings) -> FilmSettings:
    changed = replace(shallow, size=64, coarse_steps=0, num_steps=6)
    return FilmSettings(**changed.to_dict(), frame_steps=3, temporal_weight=5000.0)


@pytest.fixture
def pan(photo: np.ndarray) -> list[np.ndarray]:
    """A camera that goes to the right by 2 pixels a frame."""
    large = resize(photo, 64, 96).clip(0, 255)
    return [large[:48, 2 * i : 64 + 2 * i] for i in range(3)]


@pytest.fixture
def objective(random_weights: VGG19Weights, settings: FilmSettings) -> Objective:
    """One for all painters of a test, since a trace takes a second."""
    return Objective(random_weights, settings)


def _painter(objective: Objective, settings: FilmSettings) -> FilmPainter:
    style = np.random.default_rng(0).uniform(0, 255, (40, 40, 3)).astype(np.float32)
    return FilmPainter(objective, [style], [1.0], settings)


def test_what_moves_along_keeps_its_painting(
    objective: Objective, settings: FilmSettings, pan: list[np.ndarray]
) -> None:
    def flicker(frames: list[np.ndarray]) -> float:
        shifted = [(a[:, 2:].astype(float), b[:, :-2]) for a, b in itertools.pairwise(frames)]
        return float(np.mean([np.abs(a - b).mean() for a, b in shifted]))

    def film(settings: FilmSettings) -> list[np.ndarray]:
        painter = _painter(objective, settings)
        frames = [painter.paint(frame) for frame in pan]
        assert all(frame.shape == (48, 64, 3) and frame.dtype == np.uint8 for frame in frames)
        return frames

    settings = replace(settings, margin=0)  # with one, frames that are painted apart are steadier, too
    apart = [_painter(objective, settings).paint(frame) for frame in pan]
    steady, free = film(settings), film(replace(settings, temporal_weight=0.0))
    assert flicker(steady) < 0.5 * flicker(free)
    assert flicker(steady) < 0.8 * flicker(apart)


def test_a_cut_begins_anew(
    objective: Objective, settings: FilmSettings, photo: np.ndarray, pan: list[np.ndarray]
) -> None:
    other = np.random.default_rng(1).uniform(0, 255, (48, 64, 3)).astype(np.float32)
    painter, steps = _painter(objective, settings), []
    painter.paint(pan[0])
    painted = painter.paint(other, lambda state: steps.append(state.step))
    assert steps == [1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(painted, _painter(objective, settings).paint(other))


def test_frames_that_are_remembered_lead_to_the_same(
    objective: Objective, settings: FilmSettings, pan: list[np.ndarray]
) -> None:
    painter, other = (_painter(objective, settings) for _ in range(2))
    for frame in pan[:2]:
        other.remember(frame, painter.paint(frame))
    last = painter.paint(pan[2])
    assert other.paint(pan[2], lambda state: state.step == 2) is None, "the callback ended it"
    np.testing.assert_array_equal(other.paint(pan[2]), last)
    np.testing.assert_array_equal(painter.finished(pan[2], last), last)
    photo = replace(settings, strength=0.0)
    np.testing.assert_allclose(_painter(objective, photo).finished(pan[2], last), pan[2], atol=0.51)
