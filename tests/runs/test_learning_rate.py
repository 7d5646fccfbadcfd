"""Courses of learning rates, against numbers by hand."""

import numpy as np

from nst_keras.runs.learning_rate import warm_cosine


def test_a_learning_rate_rises_and_falls_to_zero() -> None:
    course = warm_cosine(0.3, 100, 0.2)
    rates = np.array([float(course(step)) for step in range(101)])
    np.testing.assert_allclose(rates[:20], 0.3 * np.arange(20) / 20, rtol=1e-5)
    np.testing.assert_allclose(rates[20:], 0.15 * (1 + np.cos(np.pi * np.arange(81) / 80)), atol=1e-6)


def test_without_a_warmup_it_only_falls() -> None:
    for warmup in (0.0, 0.004):  # less than half a step is none
        rates = np.array([float(warm_cosine(0.3, 100, warmup)(step)) for step in range(101)])
        np.testing.assert_allclose(rates, 0.15 * (1 + np.cos(np.pi * np.arange(101) / 100)), atol=1e-6)
