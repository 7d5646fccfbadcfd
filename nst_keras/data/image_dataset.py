"""A set of labelled pictures in three parts, each as a tf.data pipeline and as arrays."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from nst_keras.data.settings import AUTO, CONTENT, POSITION, SPLIT_BY
from nst_keras.data.sources.picture_files import PictureFile
from nst_keras.data.splits import SplitRule
from nst_keras.errors import InputError, require_choice

_READ_BATCH = 256


@dataclass(frozen=True)
class LoadOptions:
    """How any kind of data set is opened; see `load_dataset`."""

    image_size: tuple[int, int] | None
    validation: float
    seed: int
    note: Callable[[str], None]
    split_by: str = AUTO
    hash_buckets: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size = self.image_size
        if size and (len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size)):
            raise InputError(f"image_size must be two positive integers. Received: image_size={size}")
        if not 0 < self.validation < 1:
            expected = "validation must be above 0 and below 1"
            raise InputError(f"{expected}. Received: validation={self.validation}")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise InputError(f"seed must be an integer of at least 0. Received: seed={self.seed}")
        require_choice("split_by", self.split_by, SPLIT_BY)
        if self.hash_buckets and self.split_by == POSITION:
            raise InputError("hash_buckets are cut by content. Received: split_by=position")

    def rule(self, *, grows: bool) -> SplitRule:
        """How training examples are cut, of a source that may grow or one that never does."""
        by = CONTENT if grows or self.hash_buckets else POSITION
        by = by if self.split_by == AUTO else self.split_by
        return SplitRule(self.validation, self.seed, by, self.hash_buckets)


@dataclass(frozen=True)
class SkippedFile:
    """A picture that could not be read, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Split:
    """One part of a data set: uint8 [height, width, channels] and int64 [], in one order on every pass."""

    name: str  # "train", "validation" or "test"
    examples: tf.data.Dataset  # one by one
    size: int  # how many there are
    files: Sequence[PictureFile] | np.ndarray = field(
        default=(), compare=False
    )  # of each example, if they come from files
    labels: np.ndarray | None = field(default=None, compare=False)  # int64 [size], then
    digests: np.ndarray | None = field(default=None, compare=False)  # hex SHA-256 of them, S64 [size], then

    @functools.cached_property
    def paths(self) -> tuple[str, ...]:
        """The path of each example's file, or none."""
        return tuple(map(str, self.files))

    @property
    def nbytes(self) -> int:
        """Bytes that the pictures take in memory."""
        return self.size * int(np.prod(self.examples.element_spec[0].shape.as_list()))

    def fits_memory(self, limit_bytes: int) -> bool:
        """Whether `arrays` would take at most that many bytes."""
        return self.nbytes <= limit_bytes

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """uint8 [n, height, width, channels] and int64 [n], both read-only; read once, then kept."""
        return self._arrays

    @functools.cached_property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray]:
        images = np.empty((self.size, *self.examples.element_spec[0].shape.as_list()), np.uint8)
        labels = np.empty(self.size, np.int64)
        position = 0
        for batch, targets in self.examples.batch(_READ_BATCH).as_numpy_iterator():
            end = position + len(batch)
            images[position:end], labels[position:end] = batch, targets
            position = end
        images.setflags(write=False)
        labels.setflags(write=False)
        return images, labels


@dataclass(frozen=True)
class ImageDataset:
    """Labelled pictures for classification.

    The fingerprint is a hex SHA-256 over names, content, shape and how the parts were cut: the same on every
    machine for the same data.
    """

    name: str  # what the user asked for, with the version where there is one
    class_names: tuple[str, ...]  # one for each label, 0 first
    image_shape: tuple[int, int, int]  # height, width, channels of every picture
    splits: Mapping[str, Split]  # "train", "validation" and "test"
    fingerprint: str
    split_by: str = ""  # what the cuts went by: "content" or "position"; "" if that isn't known
    skipped: tuple[SkippedFile, ...] = ()  # pictures that could not be read and were left out
