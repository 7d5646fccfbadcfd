"""Calibration against data whose true probabilities are known, intervals against a library."""

import numpy as np
import pytest

from nst_keras.classifiers.calibration import (
    accuracy_interval,
    calibration_error,
    difference_interval,
    fit_temperature,
)


@pytest.fixture(scope="module")
def calibrated() -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels drawn from their own softmax."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 5))
    noise = rng.gumbel(size=logits.shape)
    return logits, (logits + noise).argmax(axis=1)


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_what_logits_were_multiplied_with(
    calibrated: tuple[np.ndarray, np.ndarray], factor: float
) -> None:
    logits, labels = calibrated
    temperature = fit_temperature(factor * logits, labels)
    assert temperature == pytest.approx(factor, rel=0.05)
    assert calibration_error(factor * logits, labels, temperature) < 0.02


def test_a_few_pictures_change_nothing() -> None:
    assert fit_temperature(np.eye(2)[[0, 1] * 10] * 9, np.array([0, 1] * 10)) == 1.0


def test_an_overconfident_network_has_a_large_error(calibrated: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = calibrated
    assert calibration_error(5 * logits, labels) > 0.1


def test_calibration_error_by_hand() -> None:
    """Two answers of confidence .75, one of them right: a gap of .25."""
    logits = np.log([[0.75, 0.25], [0.75, 0.25]])
    assert calibration_error(logits, np.array([0, 1])) == pytest.approx(0.25)


def test_a_bin_counts_by_its_pictures() -> None:
    """Six answers of .75, of which three are right, and two of .95, both right: (6 * .25 + 2 * .05) / 8."""
    logits = np.log([[0.75, 0.25]] * 6 + [[0.95, 0.05]] * 2)
    assert calibration_error(logits, np.array([0, 0, 0, 1, 1, 1, 0, 0])) == pytest.approx(0.2)


@pytest.mark.parametrize(
    "correct,count,low,high", [(9, 10, 0.5958, 0.9821), (10, 10, 0.7225, 1.0), (0, 20, 0.0, 0.1611)]
)
def test_intervals_are_wilsons(correct: int, count: int, low: float, high: float) -> None:
    """By the formula of Wilson (1927), worked out by hand."""
    assert accuracy_interval(correct, count) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("gained,lost,count", [(12, 2, 50), (3, 7, 355), (0, 4, 100), (0, 0, 10)])
def test_the_interval_of_a_difference_is_where_the_score_test_says_so(
    gained: int, lost: int, count: int
) -> None:
    def score(difference: float) -> float:
        """Tango's statistic by maximising the likelihood of the trinomial under the difference."""
        shares = np.linspace(max(0, -difference), (1 - difference) / 2, 200_001)[1:-1]
        ahead, behind = shares + difference, shares
        likelihood = gained * np.log(ahead + 1e-300) + lost * np.log(behind)
        likelihood += (count - gained - lost) * np.log(1 - ahead - behind)
        share = behind[likelihood.argmax()]
        return (gained - lost - count * difference) / np.sqrt(
            count * (2 * share + difference * (1 - difference))
        )

    low, high = difference_interval(gained, lost, count)
    assert low < (gained - lost) / count < high
    assert score(low) == pytest.approx(1.96, abs=0.01)
    assert score(high) == pytest.approx(-1.96, abs=0.01)
    mirrored = difference_interval(lost, gained, count)
    assert mirrored == pytest.approx((-high, -low))


def test_agreement_on_few_pictures_is_no_proof() -> None:
    assert difference_interval(0, 0, 380)[0] < -0.01 < difference_interval(0, 0, 381)[0]
    assert difference_interval(5, 0, 5)[1] == 1.0 and difference_interval(0, 5, 5)[0] == -1.0
