"""Who is trained on, validated on and tested on: never two of them, the same always, every class in each."""

import functools
import hashlib
import io
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nst_keras.data.perceptual_hash import coarse_look, low_frequencies, perceptual_hash
from nst_keras.data.settings import APPEARANCE, CONTENT, PARTS, POSITION
from nst_keras.data.splits import (
    TEST_FRACTION,
    SplitPlan,
    SplitRule,
    cut_by,
    describe_lent,
    place,
    plan_splits,
)
from nst_keras.errors import InputError
from nst_keras.pictures.images import decode_image

LABELS = st.lists(st.integers(0, 4), min_size=2, max_size=60).map(np.array)


def _plan(
    labels: np.ndarray, parts: dict[str, int], validation: float = 0.2, seed: int = 7
) -> dict[str, tuple]:
    others = {name: np.zeros(size, np.int64) for name, size in parts.items()}
    plans = plan_splits({"train": labels, **others}, SplitRule(validation, seed, POSITION))
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


# Numbers of contents with their classes; equal numbers are doubles, perhaps in two classes.
PICTURES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), min_size=1, max_size=60)


def _by_content(
    pictures: list[tuple[int, int]], rule: SplitRule = SplitRule(0.2, 7), **parts: int
) -> dict[str, SplitPlan]:
    labels = {name: np.zeros(size, np.int64) for name, size in parts.items()}
    labels["train"] = np.array([label for _, label in pictures])
    return plan_splits(labels, rule, [_digest(content) for content, _ in pictures])


def _digest(content: int) -> str:
    return hashlib.sha256(str(content).encode()).hexdigest()


def _sides(pictures: list[tuple[int, int]], plans: dict[str, SplitPlan]) -> tuple[dict[int, str], set[int]]:
    """Where each content lies, and which contents are lent."""
    sides: dict[int, str] = {}
    for name, plan in plans.items():
        for index in plan.indices.tolist():
            assert sides.setdefault(pictures[index][0], name) == name, "doubles lie on one side"
    return sides, {pictures[index][0] for plan in plans.values() for index in plan.lent.tolist()}


@given(PICTURES, PICTURES, st.randoms(use_true_random=False))
def test_whatever_comes_and_goes_moves_nothing_else(
    pictures: list[tuple[int, int]], more: list[tuple[int, int]], random: Random
) -> None:
    plans = _by_content(pictures)
    everything = np.concatenate([plan.indices for plan in plans.values()])
    assert sorted(everything.tolist()) == list(range(len(pictures))), "each picture counts once"
    before, lent = _sides(pictures, plans)
    shuffled = random.sample(pictures, len(pictures))  # other names
    assert _sides(shuffled, _by_content(shuffled)) == (before, lent)
    changed = [*random.sample(pictures, random.randint(0, len(pictures))), *more]
    if changed:
        after, lent_after = _sides(changed, _by_content(changed))
        moved = {content for content in before.keys() & after.keys() if before[content] != after[content]}
        assert moved <= lent | lent_after


# Copies of a scene as PNG, brighter, smaller and recompressed: equal files and near ones.
_COPIES = ("png", "bright", "small", "jpeg")
SCENES = st.lists(
    st.tuples(st.integers(0, 19), st.sampled_from(_COPIES), st.integers(0, 3)), min_size=1, max_size=60
)


@functools.cache
def _look(scene: int, copy: str) -> np.ndarray:
    """How a scene looks from its file."""
    cells = np.random.default_rng(scene).integers(40, 216, (5, 7), np.uint8)
    image, data = Image.fromarray(cells).resize((64, 48)), io.BytesIO()
    if copy == "bright":
        image = image.point(lambda value: value * 1.08)
    if copy == "small":
        image = image.resize((40, 30))
    image.save(data, "JPEG" if copy == "jpeg" else "PNG", quality=60)
    return perceptual_hash(low_frequencies(decode_image(data.getvalue(), copy)))


def _by_appearance(pictures: list[tuple[int, str, int]]) -> tuple[dict[int, str], set[int]]:
    """Where each scene lies with all its copies, and which scenes are lent."""
    labels = np.array([label for _, _, label in pictures])
    looks = coarse_look(np.stack([_look(scene, copy) for scene, copy, _ in pictures]))
    plans = plan_splits({"train": labels}, SplitRule(0.2, 7, APPEARANCE), looks)
    return _sides([(scene, label) for scene, _, label in pictures], plans)


@given(SCENES, SCENES, st.randoms(use_true_random=False))
def test_by_appearance_copies_lie_together_and_nothing_else_moves(
    pictures: list[tuple[int, str, int]], more: list[tuple[int, str, int]], random: Random
) -> None:
    before, lent = _by_appearance(pictures)
    assert _by_appearance(random.sample(pictures, len(pictures))) == (before, lent)
    changed = [*random.sample(pictures, random.randint(0, len(pictures))), *more]
    after, lent_after = _by_appearance(changed)
    moved = {scene for scene in before.keys() & after.keys() if before[scene] != after[scene]}
    assert moved <= lent | lent_after


@given(PICTURES)
def test_no_class_lacks_a_split_if_it_has_pictures_of_its_own(pictures: list[tuple[int, int]]) -> None:
    plans = _by_content(pictures)
    labels = np.array([label for _, label in pictures])
    owners = {content: {label for other, label in pictures if other == content} for content, _ in pictures}
    for label in set(labels.tolist()):
        assert label in labels[plans["train"].indices], "each class is learned"
        if sum(owned == {label} for owned in owners.values()) >= 3:
            assert all(label in labels[plan.indices] for plan in plans.values())


def test_shares_hold_in_expectation_and_nothing_is_lent_by_large_classes() -> None:
    pictures = [(number, number % 10) for number in range(20_000)]
    plans = _by_content(pictures, SplitRule(0.1, 0))
    labels = np.array([label for _, label in pictures])
    for name, share in (("train", 0.72), ("validation", 0.08), ("test", 0.2)):
        assert len(plans[name].indices) / len(pictures) == pytest.approx(share, abs=0.005)
        counts = np.bincount(labels[plans[name].indices])
        assert counts / 2000 == pytest.approx(np.full(10, share), abs=0.03)
    assert describe_lent(plans) == ""
    half = _by_content(pictures, SplitRule(0.5, 0))
    np.testing.assert_array_equal(half["test"].indices, plans["test"].indices)
    assert set(plans["validation"].indices) < set(half["validation"].indices)
    other = _by_content(pictures, SplitRule(0.1, 1))
    assert set(other["test"].indices) != set(plans["test"].indices)
    buckets = _by_content(pictures, SplitRule(0.1, 0, hash_buckets={"train": 6, "validation": 1, "test": 3}))
    assert len(buckets["test"].indices) / len(pictures) == pytest.approx(0.3, abs=0.01)


def test_what_a_small_class_lends_is_told_and_goes_back() -> None:
    high = [number for number in range(1000, 1100) if place(_digest(number), 7) > 0.4][:3]
    few = [(number, 0) for number in range(300)] + [(number, 1) for number in high]
    assert "lend pictures: 1 in validation, 1 in test" in describe_lent(_by_content(few))
    grown = few + [(2000 + number, 1) for number in range(200)]
    assert describe_lent(_by_content(grown)) == ""


@pytest.mark.parametrize(
    "buckets,parts,message",
    [
        ({"train": 8, "test": 2}, {}, "hash_buckets must give train, validation, test a number above 0"),
        ({"train": 8, "validation": 0, "test": 2}, {}, "Received: train:8, validation:0, test:2"),
        ({"train": 7, "validation": 1, "test": 2}, {"test": 3}, "must give train, validation a number"),
    ],
)
def test_hash_buckets_name_what_is_cut(buckets: dict, parts: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _by_content([(0, 0), (1, 0)], SplitRule(0.1, 0, hash_buckets=buckets), **parts)


def test_a_source_with_all_parts_is_not_cut() -> None:
    plans = _by_content([(0, 0), (0, 1)], validation=2, test=2)
    assert cut_by(SplitRule(0.1, 0), plans) == ""
    assert cut_by(SplitRule(0.1, 0), _by_content([(0, 0), (0, 1)], test=2)) == CONTENT


def test_what_plans_follow_from_tells_rules_apart_only_where_they_cut() -> None:
    """Cuts by position are told as in former versions, so that their checkpoints are gone on from."""
    pictures, buckets = (
        [(number, number % 2) for number in range(40)],
        {"train": 7, "validation": 1, "test": 2},
    )
    by_content, by_position = SplitRule(0.1, 7, hash_buckets=buckets), SplitRule(0.1, 7, POSITION)
    plans = _by_content(pictures, by_content)
    assert by_content.identity(plans) == [0.1, 7, CONTENT, buckets]
    assert by_position.identity(plans) == [0.1, 7]
    assert by_content.identity(_by_content(pictures, validation=2, test=2)) == [0.1, 7]
