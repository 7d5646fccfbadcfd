"""A set of labelled pictures in three parts, each as a tf.data pipeline and as arrays."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from nst_keras.data.load_options import SkippedFile
from nst_keras.data.sources.columns import PictureFiles

_READ_BATCH = 256


@dataclass(frozen=True)
class Split:
    """One part of a data set: uint8 [height, width, channels] and int64 [], in one order on every pass."""

    name: str  # "train", "validation" or "test"
    examples: tf.data.Dataset  # one by one
    size: int  # how many there are
    files: PictureFiles = field(default_factory=PictureFiles, compare=False)  # of each, if they come from any

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
    split_by: str = ""  # what the cuts went by, of `SPLIT_BY`; "" if that isn't known
    skipped: tuple[SkippedFile, ...] = ()  # pictures that could not be read and were left out
