"""Courses of learning rates and the average of weights, against numbers by hand."""

import keras
import numpy as np
import pytest

from nst_keras.runs.averaging import update_average, warm_cosine


def test_a_learning_rate_rises_and_falls_to_zero() -> None:
    course = warm_cosine(0.3, 100, 0.2)
    rates = np.array([float(course(step)) for step in range(101)])
    np.testing.assert_allclose(rates[:20], 0.3 * np.arange(20) / 20, rtol=1e-5)
    np.testing.assert_allclose(rates[20:], 0.15 * (1 + np.cos(np.pi * np.arange(81) / 80)), atol=1e-6)


def test_without_a_warmup_it_only_falls() -> None:
    for warmup in (0.0, 0.004):  # less than half a step is none
        rates = np.array([float(warm_cosine(0.3, 100, warmup)(step)) for step in range(101)])
        np.testing.assert_allclose(rates, 0.15 * (1 + np.cos(np.pi * np.arange(101) / 100)), atol=1e-6)


@pytest.mark.parametrize(("steps", "decay"), [(1, 2 / 11), (1000, 0.9)])
def test_the_first_steps_are_soon_forgotten(steps: int, decay: float) -> None:
    average, variable = keras.Variable([1.0, 2.0]), keras.Variable([3.0, -2.0])
    update_average([(average, variable)], 0.9, steps)
    expected = decay * np.array([1.0, 2.0]) + (1 - decay) * np.array([3.0, -2.0])
    np.testing.assert_allclose(average.numpy(), expected, rtol=1e-6)
