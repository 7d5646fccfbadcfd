"""Who is trained on, validated on and tested on: never two of them, the same always, every class in each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nst_keras.data.splits import PARTS, TEST_FRACTION, plan_splits

LABELS = st.lists(st.integers(0, 4), min_size=2, max_size=60).map(np.array)


def _plan(
    labels: np.ndarray, parts: dict[str, int], validation: float = 0.2, seed: int = 7
) -> dict[str, tuple]:
    others = {name: np.zeros(size, np.int64) for name, size in parts.items()}
    plans = plan_splits({"train": labels, **others}, validation, seed)
    assert tuple(plans) == PARTS
    return {name: (plan.part, plan.indices.tolist()) for name, plan in plans.items()}


@pytest.mark.parametrize(
    "parts,validation,test",
    [
        ({}, ("train", [1, 7, 12]), ("train", [0, 9, 13])),
        ({"validation": 4}, ("train", [0, 8, 14]), ("validation", [0, 1, 2, 3])),
        ({"test": 3}, ("train", [0, 8, 14]), ("test", [0, 1, 2])),
        ({"validation": 4, "test": 3}, ("validation", [0, 1, 2, 3]), ("test", [0, 1, 2])),
    ],
)
def test_the_splits_of_each_kind_of_source(parts: dict, validation: tuple, test: tuple) -> None:
    """Ten of the first class, five of the second, one of the third; what is cut stays what it was before."""
    labels = np.repeat([0, 1, 2], [10, 5, 1])
    cut = {index for part, indices in (validation, test) if part == "train" for index in indices}
    train = ("train", [index for index in range(16) if index not in cut])
    assert _plan(labels, parts) == {"train": train, "validation": validation, "test": test}


@given(LABELS, st.floats(0.01, 0.99), st.integers(0, 2**32), st.sampled_from([{}, {"test": 2}]))
def test_cuts_share_out_the_training_examples(
    labels: np.ndarray, validation: float, seed: int, parts: dict[str, int]
) -> None:
    plans = _plan(labels, parts, validation, seed)
    assert plans == _plan(labels, parts, validation, seed)
    cuts = {name: indices for name, (part, indices) in plans.items() if part == "train"}
    assert all(indices == sorted(indices) for indices in cuts.values())
    assert sorted(index for indices in cuts.values() for index in indices) == list(range(len(labels)))
    for label in np.unique(labels):
        left = int(np.sum(labels == label))
        for name, fraction in (("test", TEST_FRACTION), ("validation", validation)):
            if name not in cuts:
                continue
            count = int(np.sum(labels[cuts[name]] == label))
            # A class gives one example or more, but not its last one.
            assert count == min(max(1, round(fraction * left)), left - 1)
            left -= count
        assert int(np.sum(labels[cuts["train"]] == label)) == left >= 1


def test_another_seed_cuts_elsewhere() -> None:
    labels = np.zeros(100, np.int64)
    plans = [_plan(labels, {}, seed=seed) for seed in (0, 1)]
    assert plans[0]["test"] != plans[1]["test"]
    assert plans[0]["validation"] != plans[1]["validation"]
