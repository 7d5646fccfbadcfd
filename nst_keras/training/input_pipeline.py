"""Batches for training: shuffled and augmented by seed alone, so that a run can go on at any step."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from nst_keras.io.image_dataset import Split
from nst_keras.ops.augmentation import augment

_PREDICTION_BATCH = 500
_MEMORY_LIMIT = 4 << 30  # bytes; a larger split is read anew in each epoch


@dataclass(frozen=True)
class BatchSource:
    """The training split as an endless row of batches.

    A split that fits in memory is decoded once, and each batch is one gather from it by an order that
    `seed` and the epoch determine. A larger one is read in each epoch through a shuffle buffer. Batch
    number k is the same whatever came before, also when training starts there.

    Attributes:
        split: Examples (uint8 [height, width, channels], int64 []).
        batch_size: Pictures a batch, over all workers; the last of an epoch may have fewer.
        seed: Of order and augmentation.
        augmentation: Arguments of `augment`; empty for none.
        worker: This worker's number and the number of workers; each takes every n-th picture of a batch.
        memory_limit: Bytes up to which a split is kept in memory.
    """

    split: Split
    batch_size: int
    seed: int
    augmentation: Mapping[str, Any] = field(default_factory=dict)
    worker: tuple[int, int] = (0, 1)
    memory_limit: int = _MEMORY_LIMIT

    @property
    def steps_per_epoch(self) -> int:
        """Batches in which every picture comes once."""
        return math.ceil(self.split.size / self.batch_size)

    def batches(self, first_step: int = 0) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
        """Yields (images uint8 [batch, height, width, channels], labels int64 [batch]) without end."""
        if self.split.nbytes <= self.memory_limit:
            yield from self._from_memory(first_step)
        epoch, skipped = divmod(first_step, self.steps_per_epoch)
        while True:
            yield from self._read_anew(epoch, skipped)
            epoch, skipped = epoch + 1, 0

    def _from_memory(self, first_step: int) -> tf.data.Dataset:
        images, labels = map(tf.constant, self.split.arrays())
        # Far more epochs than anyone trains; flat_map makes each when the one before is used up.
        epoch, skipped = divmod(first_step, self.steps_per_epoch)
        indices = tf.data.Dataset.range(epoch, epoch + 1_000_000).flat_map(self._order).skip(skipped)

        def look_up(step: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, ...]:
            return step, tf.gather(images, index), tf.gather(labels, index)

        return self._finish(indices.map(look_up, tf.data.AUTOTUNE))

    def _order(self, epoch: tf.Tensor) -> tf.data.Dataset:
        """The steps of an epoch with the indices of each one's examples."""
        size, steps = self.split.size, self.steps_per_epoch
        order = tf.random.experimental.stateless_shuffle(tf.range(size), self._seed(epoch))

        def step_of(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            start = tf.cast(number, tf.int32) * self.batch_size
            return epoch * steps + number, order[start : start + self.batch_size]

        return tf.data.Dataset.range(steps).map(step_of)

    def _read_anew(self, epoch: int, skipped: int) -> tf.data.Dataset:
        per_example = max(1, self.split.nbytes // self.split.size)
        examples = self.split.examples.shuffle(
            max(self.batch_size, min(self.split.size, self.memory_limit // per_example)),
            seed=self.seed * 1_000_003 + epoch,
            reshuffle_each_iteration=False,
        )
        batches = examples.batch(self.batch_size).enumerate(epoch * self.steps_per_epoch).skip(skipped)
        return self._finish(batches.map(lambda step, example: (step, *example)))

    def _finish(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        worker, workers = self.worker

        def finish(step: tf.Tensor, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            if self.augmentation:  # of the whole batch, so that the number of workers changes nothing
                images = augment(images, self._seed(step), **self.augmentation)
            return images[worker::workers], labels[worker::workers]

        return batches.map(finish, tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)

    def _seed(self, number: tf.Tensor) -> tf.Tensor:
        return tf.stack([tf.constant(self.seed, tf.int32), tf.cast(number, tf.int32)])


def in_order(split: Split) -> tf.data.Dataset:
    """Batches of a split, each example once, in its own order and unchanged, for evaluation."""
    if split.nbytes <= _MEMORY_LIMIT:
        images, labels = split.arrays()
        starts = tf.data.Dataset.range(0, len(labels), _PREDICTION_BATCH)
        images, labels = tf.constant(images), tf.constant(labels)
        return starts.map(
            lambda start: (
                images[start : start + _PREDICTION_BATCH],
                labels[start : start + _PREDICTION_BATCH],
            )
        )
    return split.examples.batch(_PREDICTION_BATCH).prefetch(tf.data.AUTOTUNE)
