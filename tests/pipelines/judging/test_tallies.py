"""Counts of shards add up to what all answers at once would have given."""

from functools import reduce
from operator import add

import numpy as np
import pytest

from nst_keras.classifiers.calibration import calibration_error
from nst_keras.classifiers.trainer import cross_entropy
from pipelines.judging.tallies import MOST_MISTAKES, Looks, measure, surest, tally

NAMES = ("ant", "bee", "cat")
COUNT = 200


def _answers() -> tuple[np.ndarray, np.ndarray, Looks, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, COUNT)
    logits = rng.normal(size=(COUNT, 3)).astype(np.float32) + 1.5 * np.eye(3, dtype=np.float32)[labels]
    sizes = rng.choice([8, 100, 2000], (COUNT, 2))
    looks = Looks(rng.uniform(0, 255, COUNT), rng.uniform(0, 60, COUNT), sizes)
    return logits, labels, looks, rng.random(COUNT) < 0.7


@pytest.mark.parametrize("cuts", [[], [1, 2, 50], [64, 128, 192]])
def test_metrics_of_shards(cuts: list[int]) -> None:
    logits, labels, looks, other = _answers()
    parts = [
        tally(logits[part], labels[part], Looks(*(v[part] for v in vars(looks).values())), 1.3, other[part])
        for part in np.split(np.arange(COUNT), cuts)
    ]
    found = measure(reduce(add, parts), NAMES, has_chances=True, compared=True)
    right = logits.argmax(axis=1) == labels
    overall = found["overall"]
    assert (overall["pictures"], overall["accuracy"]) == (COUNT, right.mean())
    assert overall["loss"] == pytest.approx(cross_entropy(logits / 1.3, labels), rel=1e-6)
    assert overall["calibration_error"] == pytest.approx(calibration_error(logits, labels, 1.3), rel=1e-6)
    compared = found["comparison"]
    assert (compared["gained"], compared["lost"]) == ((right & ~other).sum(), (~right & other).sum())
    assert compared["difference"] == pytest.approx(right.mean() - other.mean())
    slices = {(row["slice"], row["value"]): row for row in found["slices"]}
    assert len(slices) == 3 + 3 + 2 + 3
    for name, which in {
        ("class", "bee"): labels == 1,
        ("brightness", "dark"): looks.brightness < 85,
        ("contrast", "normal"): looks.contrast >= 20,
        ("size", "tiny"): (looks.sizes == 8).any(axis=1),
    }.items():
        assert slices[name]["accuracy"] == pytest.approx(right[which].mean())
        assert slices[name]["baseline_accuracy"] == pytest.approx(other[which].mean())
        assert slices[name]["loss"] == pytest.approx(
            cross_entropy(logits[which] / 1.3, labels[which]), rel=1e-6
        )
    assert np.trace(found["confusion"]) == right.sum() and np.sum(found["confusion"]) == COUNT


def test_the_surest_mistakes_of_all_shards() -> None:
    rng = np.random.default_rng(1)
    chances = rng.dirichlet(np.ones(3), 90).round(1)  # so that some are equally sure
    pictures = np.arange(90, dtype=np.uint8).reshape(-1, 1, 1, 1)
    labels = np.zeros(90, np.int64)
    expected = np.argsort(-chances.max(axis=1), kind="stable")[:MOST_MISTAKES]
    parts = [surest(pictures[p], labels[p], chances[p]) for p in np.split(np.arange(90), [3, 40, 41])]
    assert reduce(add, parts).pictures.ravel().tolist() == expected.tolist()
