"""Optimisers by themselves, on a loss whose every value is known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from nst_keras.transfer.optimizers import minimize
from nst_keras.transfer.settings import StyleTransferSettings

GOAL = 100.0
# A long and narrow valley, in which the way that an optimiser has come makes a difference.
STEEPNESS = tf.constant(np.geomspace(0.01, 1, 12).reshape(1, 2, 2, 3), tf.float32)
START = np.linspace(150, 250, 12).reshape(2, 2, 3).astype(np.float32)


def _evaluate(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    loss = tf.reduce_sum(STEEPNESS * (image - GOAL) ** 2) / 2
    return loss, tf.stack([loss]), STEEPNESS * (image - GOAL)


def _run(num_steps: int, **changes: Any) -> tuple[list[np.ndarray], list[float]]:
    images, losses = [], []

    def on_step(image: np.ndarray, terms: np.ndarray, slots: object) -> bool:
        images.append(image)
        losses.append(float(terms.sum()))
        return False

    minimize(_evaluate, START, num_steps, replace(StyleTransferSettings(), **changes), on_step)
    return images, losses


def test_lbfgs_that_gave_up_goes_on_from_its_last_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    scipys, starts = scipy.optimize.minimize, []

    def gives_up(fun: Any, start: np.ndarray, **options: Any) -> Any:
        starts.append(start.reshape(START.shape).astype(np.float32))
        return scipys(fun, start, **options | {"options": options["options"] | {"maxiter": 2}})

    monkeypatch.setattr(scipy.optimize, "minimize", gives_up)
    images, losses = _run(6)
    assert len(losses) == 6 and losses == sorted(losses, reverse=True)
    for start, last in zip(starts, [START, images[1], images[3]], strict=True):
        np.testing.assert_array_equal(start, last)


def test_sgd_and_its_momentum_by_hand() -> None:
    images, _ = _run(2, optimizer="sgd", learning_rate=0.5, momentum=0.9)
    gradient = STEEPNESS.numpy()[0] * (START - GOAL)
    first = START - 0.5 * gradient
    np.testing.assert_allclose(images[0], first, rtol=1e-5)
    second = STEEPNESS.numpy()[0] * (first - GOAL)
    np.testing.assert_allclose(images[1], first - 0.5 * (0.9 * gradient + second), rtol=1e-5)


def test_adams_first_step_is_the_learning_rate() -> None:
    np.testing.assert_allclose(_run(1, optimizer="adam", learning_rate=3.0)[0][0], START - 3, rtol=1e-4)


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


def test_pictures_stay_within_their_range() -> None:
    for optimizer in ("sgd", "adam", "lbfgs"):
        images, _ = _run(3, optimizer=optimizer, learning_rate=500.0)
        assert all(image.min() >= 0 and image.max() <= 255 for image in images)
