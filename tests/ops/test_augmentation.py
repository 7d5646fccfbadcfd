"""Augmentation: what changes, what doesn't, and that the seed decides."""

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.ops.augmentation import augment

IMAGES = np.random.default_rng(0).integers(0, 256, (64, 9, 10, 3), np.uint8)
SEED = tf.constant([3, 7])


def test_the_seed_decides() -> None:
    settings = {"shift": 0.25, "flip": True, "erase": 0.4}
    first = augment(IMAGES, SEED, **settings)
    np.testing.assert_array_equal(first, augment(IMAGES, SEED, **settings))
    assert (first != augment(IMAGES, SEED + 1, **settings)).numpy().any()
    assert first.dtype == tf.uint8


def test_nothing_asked_nothing_changed() -> None:
    np.testing.assert_array_equal(augment(IMAGES, SEED), IMAGES)


def test_flip_mirrors_about_half_and_leaves_the_others() -> None:
    result = augment(IMAGES, SEED, flip=True).numpy()
    mirrored = (result == IMAGES[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (mirrored | (result == IMAGES).all(axis=(1, 2, 3))).all()
    assert 16 <= mirrored.sum() <= 48


@pytest.mark.parametrize("shift", [1, 3])
def test_shift_moves_each_picture_by_its_own_offset_and_reflects_at_the_border(shift: int) -> None:
    result = augment(IMAGES, SEED, shift=shift / 9).numpy()
    padded = np.pad(IMAGES, [(0, 0), (shift, shift), (shift, shift), (0, 0)], mode="reflect")
    offsets = set()
    for picture, source in zip(result, padded, strict=True):
        found = [
            (y, x)
            for y in range(2 * shift + 1)
            for x in range(2 * shift + 1)
            if (source[y : y + 9, x : x + 10] == picture).all()
        ]
        assert len(found) == 1
        offsets.update(found)
    assert {y for y, _ in offsets} == {x for _, x in offsets} == set(range(2 * shift + 1))
    assert len(offsets) > 2 * shift + 1, "rows and columns are shifted independently"


def test_erase_sets_a_square_to_the_mean_in_about_half() -> None:
    result = augment(IMAGES, SEED, erase=0.5).numpy()
    changed = (result != IMAGES).any(axis=3)
    assert 16 <= changed.any(axis=(1, 2)).sum() <= 48
    assert changed[:, [0, 0, -1, -1], [0, -1, 0, -1]].any(axis=0).all(), "each corner is in some square"
    heights, widths = set(), set()
    for picture, source, mask in zip(result, IMAGES, changed, strict=True):
        if mask.any():
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            heights.add(len(rows))
            widths.add(len(columns))
            inside = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            np.testing.assert_array_equal(
                inside, np.broadcast_to(source.mean((0, 1)).astype(int), inside.shape)
            )
    # Half of 9 rows and of 10 columns, less at the border.
    assert max(heights) == max(widths) == 5
