"""Batches: every picture once an epoch, an order by seed, and the same batch wherever one starts."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.classifiers.batches import BatchSource, in_order
from nst_keras.data.image_dataset import Split


@pytest.fixture
def split() -> Split:
    """25 pictures that tell their number."""
    numbers = np.arange(25)
    images = np.broadcast_to(numbers[:, None, None, None], (25, 4, 5, 1)).astype(np.uint8)
    return Split("train", tf.data.Dataset.from_tensor_slices((images, numbers)), 25)


def _take(source: BatchSource, count: int, first: int = 0) -> list[np.ndarray]:
    return [labels.numpy() for _, labels in itertools.islice(source.batches(first), count)]


@pytest.mark.parametrize("limit", [1 << 30, 40])
def test_each_epoch_has_every_picture_once_in_an_order_of_its_own(split: Split, limit: int) -> None:
    source = BatchSource(split, 10, seed=0, memory_limit=limit)
    assert source.steps_per_epoch == 3
    batches = _take(source, 6)
    assert [len(batch) for batch in batches] == [10, 10, 5, 10, 10, 5]
    epochs = [np.concatenate(batches[:3]), np.concatenate(batches[3:])]
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(25))
    assert (epochs[0] != epochs[1]).any()
    assert (epochs[0] != np.concatenate(_take(BatchSource(split, 10, seed=1, memory_limit=limit), 3))).any()


@pytest.mark.parametrize("limit,starts", [(1 << 30, (1, 3, 5)), (40, (5,))])
def test_a_later_start_gives_the_same_batches(split: Split, limit: int, starts: tuple[int, ...]) -> None:
    augmentation = {"shift": 0.25, "flip": True, "erase": 0.5}
    source = BatchSource(split, 10, seed=4, augmentation=augmentation, memory_limit=limit)
    through = list(itertools.islice(source.batches(), 7))
    for first in starts:
        for (images, labels), (later_images, later_labels) in zip(
            through[first:], source.batches(first), strict=False
        ):
            np.testing.assert_array_equal(images, later_images)
            np.testing.assert_array_equal(labels, later_labels)


def test_pictures_keep_their_labels(split: Split) -> None:
    for images, labels in itertools.islice(BatchSource(split, 10, seed=0).batches(), 3):
        np.testing.assert_array_equal(images[:, 0, 0, 0].numpy(), labels.numpy())


def test_workers_share_out_each_batch(split: Split) -> None:
    whole = _take(BatchSource(split, 10, seed=0), 3)
    parts = [_take(BatchSource(split, 10, seed=0, worker=(number, 2)), 3) for number in range(2)]
    for batch, first, second in zip(whole, *parts, strict=True):
        np.testing.assert_array_equal(batch[0::2], first)
        np.testing.assert_array_equal(batch[1::2], second)


def test_evaluation_keeps_the_order(split: Split) -> None:
    labels = np.concatenate([labels.numpy() for _, labels in in_order(split)])
    np.testing.assert_array_equal(labels, np.arange(25))
