"""Counts of a classifier's hits and mistakes, and the scores that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class ClassScores:
    """How well one class is found; each score is in 0..1, and 0 where it would divide by zero.

    Attributes:
        name: The class.
        precision: Share of the pictures given this class that have it.
        recall: Share of the pictures that have this class that were given it.
        f1: Harmonic mean of both (van Rijsbergen 1979).
        support: Pictures that have this class.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int


def confusion_counts(labels: ArrayLike, predictions: ArrayLike, num_classes: int) -> np.ndarray:
    """Counts pictures by true and predicted class.

    Args:
        labels: True classes, int [n], 0..num_classes - 1.
        predictions: Predicted classes, int [n], 0..num_classes - 1.
        num_classes: Number of classes.

    Returns:
        int64 [num_classes, num_classes]; rows are true classes, columns predicted ones.

    Raises:
        ValueError: If lengths differ or a class is out of range.
    """
    truth, guess = np.asarray(labels, np.int64), np.asarray(predictions, np.int64)
    if truth.ndim != 1 or truth.shape != guess.shape:
        raise ValueError(
            f"labels and predictions must be of one length. Received: {truth.shape}, {guess.shape}"
        )
    for name, values in (("labels", truth), ("predictions", guess)):
        if values.size and not (values.min() >= 0 and values.max() < num_classes):
            raise ValueError(
                f"{name} must be in 0..{num_classes - 1}. Received: {values.min()}..{values.max()}"
            )
    counts = np.bincount(truth * num_classes + guess, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def class_scores(counts: np.ndarray, class_names: Sequence[str]) -> list[ClassScores]:
    """Scores each class.

    Args:
        counts: From `confusion_counts`, [n, n].
        class_names: n names.
    """
    hits = np.diag(counts).astype(float)
    support, given = counts.sum(axis=1), counts.sum(axis=0)
    precision = hits / np.maximum(given, 1)
    recall = hits / np.maximum(support, 1)
    f1 = 2 * hits / np.maximum(support + given, 1)
    columns = (precision.tolist(), recall.tolist(), f1.tolist(), support.tolist())
    return [ClassScores(*row) for row in zip(class_names, *columns, strict=True)]
