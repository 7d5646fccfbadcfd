"""Near duplicates are those that comparing each picture with each would find."""

import numpy as np
import pytest

from nst_keras.data.perceptual_hash import perceptual_hash
from pipelines.statistics.near_duplicates import find_alike

LEAST = 0.99


def _near(frequencies: np.ndarray) -> np.ndarray:
    """Whether each is a near duplicate of each other, bool [n, n]."""
    hashes, numbers = perceptual_hash(frequencies), frequencies.astype(int)
    lengths = np.sqrt((numbers**2).sum(1))
    correlation = numbers @ numbers.T / np.maximum(np.outer(lengths, lengths), 1)
    bits = np.array([[int(one ^ other).bit_count() for other in hashes] for one in hashes])
    return (correlation >= LEAST) & (bits <= 3) & ~np.eye(len(hashes), dtype=bool)


@pytest.mark.parametrize("seed", range(5))
def test_as_if_each_was_compared_with_each(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frequencies = rng.integers(-127, 128, (20, 64)).astype(np.int8)[rng.integers(0, 20, 90)]
    changed = rng.random(frequencies.shape) < 0.02
    frequencies[changed] = rng.integers(-4, 5, changed.sum())
    frequencies[rng.random(90) < 0.05] = 0  # plain pictures, which are like none
    labels, splits = rng.integers(0, 2, 90).astype(np.int32), rng.integers(0, 3, 90)
    near = _near(frequencies)
    found = find_alike(frequencies, labels, splits, LEAST, wanted=7)
    assert found.total == near.any(axis=1).sum() > 0
    for here in range(3):
        own = near[splits == here]
        assert found.alike[here].tolist() == [own[:, splits == there].any(axis=1).sum() for there in range(3)]
        other = labels != labels[splits == here][:, np.newaxis]
        assert found.relabelled[here] == (own & other).any(axis=1).sum()
    assert 0 < len(found.pairs) <= 7 and all(near[one, two] for one, two, _ in found.pairs)
    crossing = [splits[one] != splits[two] for one, two, _ in found.pairs]
    assert crossing == sorted(crossing, reverse=True), "those in two splits come first"


def test_a_crowd_of_one_look_is_counted_without_comparing_all() -> None:
    frequencies = np.tile(np.arange(-32, 32, dtype=np.int8), (100_000, 1))
    splits = np.repeat([0, 1], [99_999, 1])
    found = find_alike(frequencies, np.zeros(100_000, np.int32), splits, LEAST, wanted=3)
    assert found.alike.tolist() == [[99_999, 99_999], [1, 0]] and found.relabelled.tolist() == [0, 0]
    assert len(found.pairs) == 1


def test_no_pictures() -> None:
    found = find_alike(np.zeros((0, 64), np.int8), np.zeros(0, np.int32), np.zeros(0, np.int64), LEAST, 3)
    assert found.total == 0 and not found.pairs
