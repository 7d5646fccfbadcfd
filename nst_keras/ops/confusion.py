"""Counts of a classifier's hits and mistakes, and the scores that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class ClassScores:
    """How well one class is told; each score is in 0..1, and 0 where it would divide by zero."""

    name: str
    precision: float  # share of the pictures given this class that have it
    recall: float  # share of the pictures that have this class that were given it
    f1: float  # harmonic mean of both (van Rijsbergen 1979)
    support: int  # pictures that have this class


def confusion_counts(labels: ArrayLike, predictions: ArrayLike, num_classes: int) -> np.ndarray:
    """Counts pictures by true and predicted class, int [n] each, 0..num_classes - 1.

    Returns int64 [num_classes, num_classes]; rows are true classes, columns predicted ones.
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
    """Scores each class by `confusion_counts`."""
    hits = np.diag(counts)
    support, predicted = counts.sum(axis=1), counts.sum(axis=0)
    precision = hits / np.maximum(predicted, 1)
    recall = hits / np.maximum(support, 1)
    f1 = 2 * hits / np.maximum(support + predicted, 1)
    columns = (precision.tolist(), recall.tolist(), f1.tolist(), support.tolist())
    return [ClassScores(*row) for row in zip(class_names, *columns, strict=True)]
