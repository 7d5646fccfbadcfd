"""Which example goes where: train, validation and test out of the parts that a source has."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

PARTS = ("train", "validation", "test")
# Share of the training examples that is put aside when a source has no test part.
TEST_FRACTION = 0.2


@dataclass(frozen=True)
class SplitPlan:
    """A split: a part of the source and positions in it, ascending, int64 [n]."""

    part: str
    indices: np.ndarray


def plan_splits(labels: Mapping[str, np.ndarray], validation: float, seed: int) -> dict[str, SplitPlan]:
    """Decides what becomes of the parts that a source has.

    The test is the source's test part, else its validation part, else a fifth of the training examples.
    The validation is the source's validation part unless that became the test, else the fraction
    `validation` of the training examples. Cuts keep the shares of the classes (stratified) and depend on
    nothing but the labels, int64 [n] of each part, the fraction and the seed.
    """
    plans = {part: SplitPlan(part, np.arange(len(labels[part]))) for part in PARTS if part in labels}
    if "test" not in plans and "validation" in plans:
        plans["test"] = plans.pop("validation")
    left = plans["train"].indices
    for name, fraction, stream in (("test", TEST_FRACTION, 1), ("validation", validation, 0)):
        if name not in plans:
            left, cut = _cut(left, labels["train"], fraction, np.random.default_rng([seed, stream]))
            plans[name] = SplitPlan("train", cut)
    return {name: plans[name] for name in PARTS} | {"train": SplitPlan("train", left)}


def _cut(
    indices: np.ndarray, labels: np.ndarray, fraction: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Parts ascending indices into what is left and what is cut, class by class.

    A class gives at least one example and keeps at least one; one with a single example keeps it.
    """
    taken = []
    for label in np.unique(labels[indices]):
        members = rng.permutation(indices[labels[indices] == label])
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        taken.append(members[:count])
    cut = np.sort(np.concatenate(taken))
    return np.setdiff1d(indices, cut), cut
