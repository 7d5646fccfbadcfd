"""Which example goes where: train, validation and test out of the parts that a source has.

By content, a picture's place is a number on 0..1 from SHA-256 over the seed and the SHA-256 of its file,
and each split owns a stretch of that line. So a picture stays where it is whatever is added, removed or
renamed beside it, doubles lie on one side, and each split gets its share of each class in expectation.

The file's bytes are hashed, not the pixels: pixels change with the next version of a JPEG decoder or of
colour management, which would move pictures that nobody touched, and they cost a decoding. The price is that
a picture that is saved anew counts as another one. `nst_keras.data.checks` finds doubles by pixels.

By appearance, a few bits of a perceptual hash (`nst_keras.data.perceptual_hash`) stand for the file's
SHA-256, so that near duplicates lie on one side but for those few whose bits differ. No picture is compared
with another, since a picture that looks like two others would then move one of them.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nst_keras.data.settings import CONTENT, LASTING, PARTS, TEST, TRAIN, VALIDATION
from nst_keras.errors import InputError

# Share of the training examples that is put aside when a source has no test part.
TEST_FRACTION = 0.2
DIGEST = "V32"  # of NumPy: a SHA-256
_PLACE_BITS = 53  # what a float64 holds exactly


@dataclass(frozen=True)
class SplitPlan:
    """A split: a part of the source and positions in it, ascending, int64 [n].

    `lent` are those of them, ascending, that are there only because a class would have nothing in a split.
    """

    part: str
    indices: np.ndarray
    lent: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True)
class SplitRule:
    """How training examples are cut.

    `hash_buckets` are the shares of the splits, as in TFX's `split_config`, instead of `TEST_FRACTION` and
    `validation`; cuts by position have none.
    """

    validation: float
    seed: int
    by: str = CONTENT
    hash_buckets: Mapping[str, float] = field(default_factory=dict)

    def identity(self, plans: Mapping[str, SplitPlan]) -> list[object]:
        """What plans follow from besides the pictures, for a fingerprint."""
        way = [self.by, dict(self.hash_buckets)] if cut_by(self, plans) in LASTING else []
        return [self.validation, self.seed, *way]


def cut_by(rule: SplitRule, plans: Mapping[str, SplitPlan]) -> str:
    """What the cuts of plans went by, or "" if the source had all parts itself."""
    return rule.by if any(plans[name].part == TRAIN for name in (VALIDATION, TEST)) else ""


def describe_lent(plans: Mapping[str, SplitPlan]) -> str:
    """A sentence about pictures that aren't where their content alone would have them; "" if all are."""
    lent = [f"{len(plan.lent)} in {name}" for name, plan in plans.items() if len(plan.lent)]
    if not lent:
        return ""
    return (
        f"classes too small to have each split's share of their own lend pictures: {', '.join(lent)}; "
        "these alone may change sides when their class grows or shrinks"
    )


def plan_splits(
    labels: Mapping[str, np.ndarray], rule: SplitRule, digests: Sequence[str] | np.ndarray = ()
) -> dict[str, SplitPlan]:
    """Decides what becomes of the parts that a source has.

    The test is the source's test part, else its validation part, else a fifth of the training examples.
    The validation is the source's validation part unless that became the test, else the fraction
    `validation` of the training examples that are left.

    By content or appearance, each class gives its share in expectation. A class so small that a split would
    have none of it lends that split the picture whose place is nearest, with its doubles, if another stays in
    the training; such pictures alone may go back when the class grows. By position, the rule of former
    versions, each class gives its share exactly, and one picture more moves the others.

    Args:
        labels: int64 [n] of each part.
        rule: How to cut.
        digests: By content or appearance, SHA-256 of each training example's file or how it looks, in hex or
            an array [n]; equal ones are doubles.

    Raises:
        InputError: If `hash_buckets` don't name the splits that are to be cut.
    """
    plans = {part: SplitPlan(part, np.arange(len(labels[part]))) for part in PARTS if part in labels}
    if TEST not in plans and VALIDATION in plans:
        plans[TEST] = plans.pop(VALIDATION)
    missing = [name for name in (TEST, VALIDATION) if name not in plans]
    shares = _shares(missing, rule)
    if rule.by in LASTING:
        plans |= _cut_by_content(labels[TRAIN], digests, shares, rule.seed) if missing else {}
    else:
        plans |= _cut_by_position(labels[TRAIN], shares, rule.seed)
    return {name: plans[name] for name in PARTS}


def place(digest: str, seed: int) -> float:
    """Where a picture lies on 0..1, 1 excluded."""
    number = int.from_bytes(hashlib.sha256(f"{seed} {digest}".encode()).digest()[:8], "big")
    return (number >> (64 - _PLACE_BITS)) / 2**_PLACE_BITS


def _shares(missing: Sequence[str], rule: SplitRule) -> dict[str, float]:
    """Shares of the training examples that the missing splits get, each of what those before it have left."""
    if not rule.hash_buckets:
        return {name: TEST_FRACTION if name == TEST else rule.validation for name in missing}
    buckets, wanted = rule.hash_buckets, {TRAIN, *missing}
    if set(buckets) != wanted or not all(count > 0 for count in buckets.values()):
        expected = (
            f"hash_buckets must give {', '.join(name for name in PARTS if name in wanted)} a number above 0"
        )
        given = ", ".join(f"{name}:{count:g}" for name, count in buckets.items())
        raise InputError(f"{expected}; the other splits are the set's own. Received: {given}")
    shares, left = {}, sum(buckets.values())
    for name in missing:
        shares[name] = buckets[name] / left
        left -= buckets[name]
    return shares


def _cut_by_content(
    labels: np.ndarray, digests: Sequence[str] | np.ndarray, shares: Mapping[str, float], seed: int
) -> dict[str, SplitPlan]:
    """Cuts contents, each with all its doubles: at first by their places alone, then so that none lacks."""
    contents, numbers = _contents(digests)
    places = np.fromiter((place(content, seed) for content in contents), float)
    ends, end = [], 0.0
    for share in shares.values():
        end += (1 - end) * share
        ends.append(end)
    side = np.searchsorted(ends, places, side="right")
    lent = _lend(labels, numbers, places, side, train=len(shares))
    plans = {}
    for number, name in enumerate([*shares, TRAIN]):
        indices = np.flatnonzero(side[numbers] == number)
        plans[name] = SplitPlan(TRAIN, indices, indices[lent[numbers[indices]]])
    return plans


def _contents(digests: Sequence[str] | np.ndarray) -> tuple[Iterator[str], np.ndarray]:
    """Different digests in hex, ascending, and the number of each picture's among them."""
    if not isinstance(digests, np.ndarray):
        digests = np.array([bytes.fromhex(digest) for digest in digests], f"V{len(digests[0]) // 2}")
    order = np.argsort(digests, kind="stable")
    ascending = digests[order]
    first = np.ones(len(order), bool)
    first[1:] = ascending[1:] != ascending[:-1]
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(first) - 1
    return (digests[index].tobytes().hex() for index in order[first]), numbers


def _lend(
    labels: np.ndarray, numbers: np.ndarray, places: np.ndarray, side: np.ndarray, *, train: int
) -> np.ndarray:
    """Moves contents, in `side`, so that no class lacks a split; returns which were moved, bool [contents].

    The training, side number `train`, comes first: it gets the content whose place is highest, as it owns
    the line's end. Then each other side gets the lowest of the training's, or else of another side's, if each
    class that has it has another there.
    """
    lent = np.zeros(len(places), bool)
    _, class_of = np.unique(labels, return_inverse=True)
    owner, content = np.divmod(np.unique(class_of * len(places) + numbers), len(places))
    owned = np.split(content, np.flatnonzero(np.diff(owner)) + 1)
    members = [own[np.argsort(places[own], kind="stable")] for own in owned]
    for own in members:
        if not (side[own] == train).any():
            side[own[-1]], lent[own[-1]] = train, True
    for split in range(train):
        for own in members:
            if not (side[own] == split).any():
                spare = [item for item in own if _can_spare(item, side, owner, content)]
                if spare:
                    chosen = max(spare, key=lambda item: (side[item] == train, -places[item]))
                    side[chosen], lent[chosen] = split, True
    return lent


def _can_spare(item: int, side: np.ndarray, owner: np.ndarray, content: np.ndarray) -> bool:
    """Whether each class that has a content has another on its side."""
    there = side[content] == side[item]
    return all((there & (owner == label)).sum() > 1 for label in owner[content == item])


def _cut_by_position(labels: np.ndarray, shares: Mapping[str, float], seed: int) -> dict[str, SplitPlan]:
    """Cuts places in the list, class by class, by a generator for each split."""
    plans, left = {}, np.arange(len(labels))
    for name, share in shares.items():
        rng = np.random.default_rng([seed, 1 if name == TEST else 0])
        left, cut = _cut(left, labels, share, rng)
        plans[name] = SplitPlan(TRAIN, cut)
    return plans | {TRAIN: SplitPlan(TRAIN, left)}


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
