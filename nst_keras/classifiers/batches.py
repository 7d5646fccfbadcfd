"""Batches for training: shuffled and augmented by seed alone, so that a run can go on at any step."""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from nst_keras.data.image_dataset import Split
from nst_keras.ops.augmentation import augment

_PREDICTION_BATCH, _PREDICTION_PIXELS = 500, 1 << 20  # at most; a wide network keeps 64 numbers a pixel
_MOST_PER_CHUNK, _CHUNK_BYTES, _AHEAD = 8, 16 << 20, 2
_MEMORY_LIMIT = 4 << 30  # bytes; a larger split is read anew in each epoch


@dataclass(frozen=True)
class BatchSource:
    """The training split as an endless row of batches.

    A split that fits in memory is decoded once, and some batches at a time are gathered from it by an order
    that `seed` and the epoch determine. A larger one is read in each epoch through a shuffle buffer. Batch
    number k is the same whatever came before, also when training starts there.

    Attributes:
        split: Examples (uint8 [height, width, channels], int64 []).
        batch_size: Pictures a batch, over all workers; the last of an epoch may have fewer.
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

    @property
    def _per_chunk(self) -> int:
        """Batches that are made at once: small ones cost more to hand over than to make."""
        batch_bytes = self.batch_size * max(1, self.split.nbytes // self.split.size)
        return max(1, min(_MOST_PER_CHUNK, _CHUNK_BYTES // batch_bytes))

    def batches(self, first_step: int = 0) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
        """Yields (images uint8 [batch, height, width, channels], labels int64 [batch]) without end."""
        epoch, step = divmod(first_step, self.steps_per_epoch)
        chunk, skipped = divmod(step, self._per_chunk)
        chunks = self._from_memory if self.split.fits_memory(self.memory_limit) else self._read_anew
        worker, workers = self.worker
        for images, labels in chunks(epoch, chunk):
            whole, rest = divmod(len(labels), self.batch_size)
            sizes = [self.batch_size] * whole + [rest] * (rest > 0)
            # One operation for all batches; a slice for each would cost several times as much.
            batches = zip(tf.split(images, sizes), tf.split(labels, sizes), strict=True)
            for some, their_labels in itertools.islice(batches, skipped, None):
                if workers > 1:
                    some, their_labels = some[worker::workers], their_labels[worker::workers]
                yield some, their_labels
            skipped = 0

    def _from_memory(self, epoch: int, chunk: int) -> Iterable[tuple[tf.Tensor, tf.Tensor]]:
        images, labels = map(tf.constant, self.split.arrays())
        # Far more epochs than anyone trains; flat_map makes each when the one before is used up.
        indices = tf.data.Dataset.range(epoch, epoch + 1_000_000).flat_map(self._order).skip(chunk)

        def look_up(number: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return self._augmented(number, tf.gather(images, index)), tf.gather(labels, index)

        return indices.map(look_up, tf.data.AUTOTUNE, deterministic=True).prefetch(_AHEAD)

    def _order(self, epoch: tf.Tensor) -> tf.data.Dataset:
        """Numbers of the chunks of an epoch, with the indices of each one's examples."""
        length = self.batch_size * self._per_chunk
        count = math.ceil(self.split.size / length)
        order = tf.random.experimental.stateless_shuffle(tf.range(self.split.size), self._seed(epoch))

        def chunk(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            start = tf.cast(number, tf.int32) * length
            return epoch * count + number, order[start : start + length]

        return tf.data.Dataset.range(count).map(chunk)

    def _read_anew(self, epoch: int, chunk: int) -> Iterable[tuple[tf.Tensor, tf.Tensor]]:
        length = self.batch_size * self._per_chunk
        count = math.ceil(self.split.size / length)
        per_example = max(1, self.split.nbytes // self.split.size)
        buffer = max(self.batch_size, min(self.split.size, self.memory_limit // per_example))

        def finish(number: tf.Tensor, example: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            return self._augmented(number, example[0]), example[1]

        while True:
            seed = self.seed * 1_000_003 + epoch
            examples = self.split.examples.shuffle(buffer, seed=seed, reshuffle_each_iteration=False)
            chunks = examples.batch(length).enumerate(epoch * count).skip(chunk)
            yield from chunks.map(finish, tf.data.AUTOTUNE, deterministic=True).prefetch(_AHEAD)
            epoch, chunk = epoch + 1, 0

    def _augmented(self, number: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        """Changes a chunk before it's shared out, so that the number of workers changes nothing."""
        return augment(images, self._seed(number), **self.augmentation) if self.augmentation else images

    def _seed(self, number: tf.Tensor) -> tf.Tensor:
        return tf.stack([tf.constant(self.seed, tf.int32), tf.cast(number, tf.int32)])


def in_order(split: Split) -> tf.data.Dataset:
    """Batches of a split, each example once, in its own order and unchanged, for evaluation."""
    height, width = split.examples.element_spec[0].shape[:2]
    size = max(1, min(_PREDICTION_BATCH, _PREDICTION_PIXELS // (height * width)))
    if split.fits_memory(_MEMORY_LIMIT):
        images, labels = split.arrays()
        starts = tf.data.Dataset.range(0, len(labels), size)
        images, labels = tf.constant(images), tf.constant(labels)
        return starts.map(lambda start: (images[start : start + size], labels[start : start + size]))
    return split.examples.batch(size).prefetch(tf.data.AUTOTUNE)
