"""Optimisers by themselves, on a loss whose every value is known."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.errors import NonFiniteLossError
from nst_keras.pictures.resizing import widened, within
from nst_keras.transfer import optimizers
from nst_keras.transfer.optimizers import Evaluate, minimize, slots_for
from nst_keras.transfer.settings import StyleTransferSettings

GOAL = 100.0
# A long and narrow valley, in which the way that an optimiser has come makes a difference.
STEEPNESS = tf.constant(np.geomspace(0.01, 1, 12).reshape(1, 2, 2, 3), tf.float32)
START = np.linspace(150, 250, 12).reshape(2, 2, 3).astype(np.float32)


def _valley(goal: Any = GOAL, scale: float = 1.0) -> Evaluate:
    def evaluate(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        assert (image.shape, image.dtype) == ((1, *START.shape), tf.float32)
        loss = scale * tf.reduce_sum(STEEPNESS * (image - goal) ** 2) / 2
        return loss, tf.stack([loss / 4, 3 * loss / 4]), scale * STEEPNESS * (image - goal)

    return evaluate


class _Steps:
    """What is told of each step; True after the last that is wanted."""

    def __init__(self, wanted: float = np.inf) -> None:
        self.wanted, self.images, self.losses, self.slots = wanted, [], [], ()

    def __call__(self, image: np.ndarray, terms: np.ndarray, slots: Sequence[np.ndarray]) -> bool:
        self.images.append(image)
        self.losses.append(float(terms.sum()))
        self.slots = [slot.copy() for slot in slots]
        return len(self.images) >= self.wanted


def _run(
    num_steps: int, evaluate: Evaluate = _valley(), **changes: Any
) -> tuple[list[np.ndarray], list[float]]:
    steps = _Steps()
    minimize(evaluate, START, num_steps, replace(StyleTransferSettings(), **changes), steps)
    return steps.images, steps.losses


@pytest.fixture(params=["small", "large"])
def any_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture all of whose steps are kept, or one that is said to be too large."""
    if request.param == "large":
        monkeypatch.setattr(optimizers, "_LARGE", 0)


@pytest.mark.usefixtures("any_size")
def test_lbfgs_stays_within_the_bounds_and_finds_the_best_there() -> None:
    goal = np.linspace(-80, 330, 12).reshape(START.shape)
    images, losses = _run(60, _valley(goal))
    np.testing.assert_allclose(images[-1], np.clip(goal, 0, 255), atol=0.5)
    assert min(image.min() for image in images) >= 0 and max(image.max() for image in images) <= 255
    assert losses == sorted(losses, reverse=True)


@pytest.mark.usefixtures("any_size")
def test_lbfgs_takes_all_its_steps_and_no_more() -> None:
    images, losses = _run(25)
    assert len(losses) == 25 and losses[-1] < 1e-3 * losses[0]
    found = float(_valley()(tf.constant(images[-1][np.newaxis]))[0])
    assert losses[-1] == pytest.approx(found), "each picture comes with its own loss"


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_lbfgs_goes_the_same_way_whatever_the_size_of_the_loss(scale: float) -> None:
    usual, scaled = _run(4)[0], _run(4, _valley(scale=scale))[0]
    np.testing.assert_allclose(scaled, usual, rtol=1e-3)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", "sgd"])
def test_steps_end_where_they_should(optimizer: str) -> None:
    settings = StyleTransferSettings(optimizer=optimizer)
    steps = _Steps(wanted=2)
    minimize(_valley(), START, 9, settings, steps)
    minimize(_valley(), START, 0, settings, steps)
    assert len(steps.images) == 2
    assert bool(steps.slots) == (optimizer != "lbfgs")


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_slots_let_an_optimizer_go_on_where_it_was(optimizer: str) -> None:
    settings, first, second = StyleTransferSettings(optimizer=optimizer), _Steps(), _Steps()
    minimize(_valley(), START, 3, settings, first)
    minimize(_valley(), first.images[-1], 2, settings, second, first.slots)
    np.testing.assert_allclose(second.images, _run(5, optimizer=optimizer)[0][3:], rtol=1e-6)
    assert second.losses == pytest.approx(_run(5, optimizer=optimizer)[1][3:])


def test_bands_of_detail_lower_the_loss_and_go_on_where_they_were() -> None:
    settings, first, second = StyleTransferSettings(method="nn"), _Steps(), _Steps()
    minimize(_valley(), START, 3, settings, first)
    minimize(_valley(), first.images[-1], 2, settings, second, first.slots)
    images, losses = _run(5, method="nn")
    np.testing.assert_allclose(second.images, images[3:], rtol=1e-6)
    assert losses == sorted(losses, reverse=True) and len(set(losses)) == 5
    moved = (START - images[0]).ravel()
    assert moved.min() > 0.4  # Adam's first step, 255 * 2e-3, in every band that a pixel belongs to
    bright, _ = _run(40, _valley(400.0), method="nn")
    assert 250 < bright[-1].max() <= 255, "it is shown within the range, whatever the bands add up to"


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", "sgd"])
@pytest.mark.parametrize("wrong", [0, 2])
def test_a_loss_or_gradient_that_is_no_number_ends_all(optimizer: str, wrong: int) -> None:
    def evaluate(image: tf.Tensor) -> list[tf.Tensor]:
        values = list(_valley()(image))
        values[wrong] += tf.constant(np.nan)
        return values

    with pytest.raises(
        NonFiniteLossError, match=r"^the loss is no longer finite\. Received: loss=(nan|\d+\.\d)"
    ):
        _run(1, evaluate, optimizer=optimizer)


def test_sgd_and_its_momentum_by_hand() -> None:
    images, _ = _run(2, optimizer="sgd", learning_rate=0.5, momentum=0.9)
    gradient = STEEPNESS.numpy()[0] * (START - GOAL)
    first = START - 0.5 * gradient
    np.testing.assert_allclose(images[0], first, rtol=1e-5)
    second = STEEPNESS.numpy()[0] * (first - GOAL)
    np.testing.assert_allclose(images[1], first - 0.5 * (0.9 * gradient + second), rtol=1e-5)


def test_adams_first_step_is_the_learning_rate() -> None:
    np.testing.assert_allclose(_run(1, optimizer="adam", learning_rate=3.0)[0][0], START - 3, rtol=1e-4)


def test_the_average_of_the_steps_by_hand() -> None:
    plain = _run(4, optimizer="adam")[0]
    weights = 0.9 ** np.arange(3, -1, -1)  # of the first to the last
    expected = np.tensordot(weights / weights.sum(), plain, 1)
    np.testing.assert_allclose(_run(4, optimizer="adam", ema=0.9)[0][-1], expected, rtol=1e-5)


def test_moments_go_on_at_the_next_size() -> None:
    settings = StyleTransferSettings(optimizer="adam", ema=0.9, margin=0)
    steps = _Steps()
    minimize(_valley(), START, 3, settings, steps)
    larger = np.full((4, 6, 3), 9.0, np.float32)
    picture, count, iterations, rate, mean, square = slots_for(larger, steps.slots, settings)
    np.testing.assert_array_equal(picture[0], larger)  # the way begins anew, and so does its average
    assert (count, iterations) == (0, 3) and rate == pytest.approx(10)
    assert mean.shape == square.shape == (1, 4, 6, 3)
    assert square.min() >= 0
    np.testing.assert_allclose(mean.mean(), steps.slots[4].mean(), rtol=0.1)
    assert not slots_for(larger, steps.slots, StyleTransferSettings(optimizer="adam"))
    wide = [widened(slot[0], 3)[np.newaxis] if slot.ndim > 1 else slot for slot in steps.slots]
    within_margin = slots_for(widened(larger, 3), wide, replace(settings, margin=3))
    np.testing.assert_allclose(within(within_margin[4][0], 3), mean[0])


@pytest.mark.parametrize(
    "optimizer,name,value",
    [
        ("lbfgs", "history_size", 1),
        ("sgd", "learning_rate", 0.1),
        ("sgd", "momentum", 0.5),
        ("adam", "learning_rate", 1.0),
        ("adam", "beta_1", 0.5),
        ("adam", "beta_2", 0.5),
        ("adam", "epsilon", 1.0),
    ],
)
def test_every_setting_of_an_optimizer_changes_its_way(optimizer: str, name: str, value: float) -> None:
    usual, changed = (_run(6, optimizer=optimizer, **change)[0][-1] for change in ({}, {name: value}))
    assert np.abs(usual - changed).max() > 0.01


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "lbfgs"])
def test_pictures_go_to_the_ends_of_their_range_and_no_further(optimizer: str) -> None:
    goal = np.where(np.arange(12) % 2, -100, 400).reshape(1, 2, 2, 3)
    images, _ = _run(5, _valley(goal), optimizer=optimizer, learning_rate=500.0)
    assert all(image.min() >= 0 and image.max() <= 255 for image in images)
    assert (images[-1].min(), images[-1].max()) == (0, 255)
