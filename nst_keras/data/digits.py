"""scikit-learn's handwritten digits as a tensorflow-datasets builder: no download, built in a second."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from sklearn.datasets import load_digits

_WHITE = 16
# Every fifth example of a class is a test example.
_TEST_EVERY = 5


class Digits(tfds.core.GeneratorBasedBuilder):
    """1797 digits of 8x8 pixels, written by 13 people: the test set of UCI's optdigits.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository, 1998. The set has no test part of its own; here every fifth example of each class is one, 355
    in all, so the same people wrote in both parts.
    """

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        image = tfds.features.Image(shape=(8, 8, 1))
        label = tfds.features.ClassLabel(names=[str(digit) for digit in range(10)])
        return self.dataset_info_from_configs(
            description="Handwritten digits, gray, 8x8, from scikit-learn.",
            features=tfds.features.FeaturesDict({"image": image, "label": label}),
            supervised_keys=("image", "label"),
            homepage="https://archive.ics.uci.edu/dataset/80",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        del dl_manager  # nothing to download
        return {"train": self._generate_examples(test=False), "test": self._generate_examples(test=True)}

    def _generate_examples(self, *, test: bool) -> Iterator[tuple[int, dict[str, Any]]]:
        digits = load_digits()
        images = to_bytes(digits.images)[..., np.newaxis]
        for index in np.flatnonzero(test_mask(digits.target) == test):
            yield int(index), {"image": images[index], "label": int(digits.target[index])}


def to_bytes(images: np.ndarray) -> np.ndarray:
    """Scales scikit-learn's 0..16 to uint8 on 0..255, rounding halves up.

    The 17 values stay apart: `images * 16 / 255`, rounded, gives them back.
    """
    return ((images.astype(np.int64) * 255 + _WHITE // 2) // _WHITE).astype(np.uint8)


def test_mask(labels: np.ndarray) -> np.ndarray:
    """Returns bool [n]: which of scikit-learn's examples, by their labels [n], are for the test."""
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        mask[np.flatnonzero(labels == label)[_TEST_EVERY - 1 :: _TEST_EVERY]] = True
    return mask
