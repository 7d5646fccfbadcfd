"""Counts that a classifier's metrics follow from: taken by shards and added up, and no answers are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import log_softmax
from scipy.stats import binomtest

from nst_keras.classifiers.calibration import BINS, accuracy_interval, confidence_bins, difference_interval
from nst_keras.ops.confusion import confusion_counts

MOST_MISTAKES = 24  # that are kept, with their pictures
# Where kinds of pictures begin and end: luma on 0..255, and pixels.
_DARK, _BRIGHT = 85, 170
_FLAT = 20  # standard deviation
_TINY, _HUGE = 32, 1024  # the shorter side, and the longer one


@dataclass(frozen=True)
class Looks:
    """What n pictures look like: mean luma and its standard deviation, 0..255 [n]; their sizes [n, 2]."""

    brightness: np.ndarray
    contrast: np.ndarray
    sizes: np.ndarray


@dataclass(frozen=True)
class Tally:
    """Sums over pictures; the first axis goes over `slice_names`, of which the first is all pictures."""

    pictures: np.ndarray  # int64 [slices]
    right: np.ndarray  # int64 [slices]
    baseline_right: np.ndarray  # int64 [slices]; zeros without a baseline
    loss: np.ndarray  # cross-entropy in nats, float64 [slices]
    overconfidence: np.ndarray  # confidence less rightness by bin of confidence, float64 [slices, bins]
    confusion: np.ndarray  # by true class (rows) and predicted one, int64 [classes, classes]
    gained: np.ndarray  # pictures that the baseline alone mistakes, int64 []
    lost: np.ndarray  # pictures that the baseline alone gets right, int64 []
    smallest: np.ndarray  # least height and width, int64 [2]
    largest: np.ndarray  # greatest ones

    def __add__(self, other: "Tally") -> "Tally":
        """The tally of the pictures of both."""
        sums = {name: value + getattr(other, name) for name, value in vars(self).items()}
        sums["smallest"] = np.minimum(self.smallest, other.smallest)
        sums["largest"] = np.maximum(self.largest, other.largest)
        return Tally(**sums)


@dataclass(frozen=True)
class Mistakes:
    """The surest mistakes, the surest first, at most `MOST_MISTAKES`."""

    pictures: np.ndarray  # as the classifier sees them, uint8 [m, height, width, channels]
    labels: np.ndarray  # true classes, int64 [m]
    chances: np.ndarray  # float32 [m, classes]

    def __add__(self, other: "Mistakes") -> "Mistakes":
        """The surest of both; of equally sure ones, first those of the first."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return surest(*(np.concatenate(pair) for pair in pairs))


def surest(pictures: np.ndarray, labels: np.ndarray, chances: np.ndarray) -> Mistakes:
    """Keeps the surest of mistakes."""
    order = np.argsort(-chances.max(axis=1), kind="stable")[:MOST_MISTAKES]
    return Mistakes(pictures[order], labels[order], chances[order])


def tally(
    logits: np.ndarray,
    labels: np.ndarray,
    looks: Looks,
    temperature: float,
    baseline_right: np.ndarray | None = None,
) -> Tally:
    """Counts n answers, logits [n, classes], to pictures of the classes `labels` [n].

    `baseline_right`, bool [n], says which of them another classifier gets right.
    """
    answers, classes = logits.argmax(axis=1), logits.shape[1]
    right, other = (
        answers == labels,
        np.zeros(len(labels), bool) if baseline_right is None else baseline_right,
    )
    losses = -log_softmax(logits / temperature, axis=1)[np.arange(len(labels)), labels]
    sure, bins = confidence_bins(logits, temperature)
    slices = _slices(labels, looks, classes).astype(np.float64)
    excess = np.zeros((len(labels), BINS))
    excess[np.arange(len(labels)), bins] = sure - right
    compared = baseline_right is not None
    return Tally(
        pictures=slices.sum(axis=1).astype(np.int64),
        right=(slices @ right).astype(np.int64),
        baseline_right=(slices @ other).astype(np.int64),
        loss=slices @ losses.astype(np.float64),
        overconfidence=slices @ excess,
        confusion=confusion_counts(labels, answers, classes).astype(np.int64),
        gained=np.array((right & ~other).sum() * compared, np.int64),
        lost=np.array((~right & other).sum() * compared, np.int64),
        smallest=looks.sizes.min(axis=0, initial=np.iinfo(np.int64).max),
        largest=looks.sizes.max(axis=0, initial=0),
    )


def slice_names(class_names: Sequence[str]) -> list[tuple[str, str]]:
    """Kind and value of each slice."""
    looks = {
        "brightness": ("dark", "middle", "bright"),
        "contrast": ("flat", "normal"),
        "size": ("tiny", "normal", "huge"),
    }
    names = [("class", name) for name in class_names]
    return [("all", ""), *names, *((kind, value) for kind, values in looks.items() for value in values)]


def _slices(labels: np.ndarray, looks: Looks, classes: int) -> np.ndarray:
    """Which pictures are in each slice, bool [slices, n]."""
    dark, bright = looks.brightness < _DARK, looks.brightness >= _BRIGHT
    flat = looks.contrast < _FLAT
    tiny, huge = looks.sizes.min(axis=1) < _TINY, looks.sizes.max(axis=1) > _HUGE
    by_class = [labels == number for number in range(classes)]
    by_look = [dark, ~dark & ~bright, bright, flat, ~flat, tiny, ~tiny & ~huge, huge & ~tiny]
    return np.stack([np.ones(len(labels), bool), *by_class, *by_look])


def measure(found: Tally, class_names: Sequence[str], *, has_chances: bool, compared: bool) -> dict[str, Any]:
    """All metrics of a model, and its comparison with another one on the same pictures, as plain values."""
    rows = []
    for number, (kind, value) in enumerate(slice_names(class_names)):
        uneven = (found.smallest != found.largest).any()
        if found.pictures[number] and (kind != "size" or uneven):
            other = found.baseline_right[number] / found.pictures[number]
            more = {"baseline_accuracy": float(other)} if compared and number else {}
            rows.append({"slice": kind, "value": value, **_measure(found, number, has_chances), **more})
    overall = {name: value for name, value in rows[0].items() if name not in ("slice", "value")}
    return {
        "overall": overall,
        "comparison": _compare(found) if compared else None,
        "slices": rows[1:],
        "class_names": list(class_names),
        "confusion": found.confusion.tolist(),  # counts by true class (rows) and predicted one
    }


def _measure(found: Tally, number: int, has_chances: bool) -> dict[str, Any]:
    """Metrics over a slice, of at least one picture; accuracies with a 95 % interval, the loss in nats."""
    count, right = int(found.pictures[number]), int(found.right[number])
    low, high = accuracy_interval(right, count)
    metrics = {"pictures": count, "accuracy": right / count, "accuracy_low": low, "accuracy_high": high}
    if has_chances:
        metrics["loss"] = float(found.loss[number] / count)
        metrics["calibration_error"] = float(np.abs(found.overconfidence[number]).sum() / count)
    return metrics


def _compare(found: Tally) -> dict[str, float]:
    """How much more often a model is right than another one on the same pictures.

    The 95 % interval of the "difference" is Tango's for pairs, the "p_value" that of McNemar's exact test
    (1947) that both are as good. Only this one gets the "gained" pictures.
    """
    gained, lost, count = int(found.gained), int(found.lost), int(found.pictures[0])
    low, high = difference_interval(gained, lost, count)
    differing = gained + lost
    return {
        "baseline_accuracy": float(found.baseline_right[0] / count),
        "difference": (gained - lost) / count,
        "difference_low": low,
        "difference_high": high,
        "p_value": float(binomtest(gained, differing).pvalue) if differing else 1.0,
        "gained": gained,
        "lost": lost,
    }
