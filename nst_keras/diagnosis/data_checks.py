"""Checks of pictures and labels, before any network sees them."""

from collections.abc import Iterator

import numpy as np
from sklearn.neighbors import NearestNeighbors

from nst_keras.data.checks import IMBALANCE
from nst_keras.diagnosis.central_differences import root_mean_square
from nst_keras.diagnosis.findings import Finding
from nst_keras.errors import InputError

_NEIGHBOURS = 5
_PERMUTATIONS = 200
_MOST_PICTURES = 2000  # for the neighbours: their time grows with the square


def check_data(images: np.ndarray, labels: np.ndarray, num_classes: int = 0, seed: int = 0) -> list[Finding]:
    """Looks for mistakes in pictures [n, ...], of any number type, and class ids [n].

    Returns what is wrong, or one finding that says that nothing is; `num_classes` is 0 if not known.
    """
    require_pairs(images, labels)
    flat = images.reshape(len(images), -1).astype(np.float32)
    finite = np.asarray(np.isfinite(flat).all(axis=1))
    findings = [*_check_pictures(flat, finite), *_check_labels(labels, num_classes)]
    findings += _check_neighbours(flat[finite], labels[finite], seed)
    faults = [finding for finding in findings if finding.verdict != "ok"]
    return (
        faults
        or findings
        or [Finding("data", "ok", "", f"{len(images)} pictures: values and labels are in order.")]
    )


def require_pairs(images: np.ndarray, labels: np.ndarray) -> None:
    """Raises InputError unless there is one whole number for each of at least two pictures."""
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or len(labels) != len(images) or len(labels) < 2:
        raise InputError(
            "labels must be class ids, whole numbers, one for each of at least two images. Received: "
            f"labels of {labels.dtype} {list(labels.shape)} for images {list(images.shape)}"
        )


def _check_pictures(flat: np.ndarray, finite: np.ndarray) -> Iterator[Finding]:
    if not finite.all():
        bad = np.flatnonzero(~finite)
        text = f"{len(bad)} of {len(flat)} pictures hold NaN or infinity (first: {bad[0]})."
        remedy = "Leave them out, or mend what made them: a division by 0, a broken file."
        yield Finding("data", "wrong", "pictures not finite", text, remedy, {"pictures": float(len(bad))})
    with np.errstate(invalid="ignore"):
        constant = np.flatnonzero(finite & (flat.max(axis=1) == flat.min(axis=1)))
    if len(constant):
        text = f"{len(constant)} of {len(flat)} pictures are of a single colour (first: {constant[0]})."
        remedy = "Look at them: empty files, or a crop or scaling that leaves nothing."
        verdict = "wrong" if len(constant) > 0.02 * len(flat) else "suspect"
        numbers = {"pictures": float(len(constant))}
        yield Finding("data", verdict, "constant pictures", text, remedy, numbers)


def _check_labels(labels: np.ndarray, num_classes: int) -> Iterator[Finding]:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (num_classes and high >= num_classes):
        text = f"Labels go from {low} to {high}" + (f" for {num_classes} classes." if num_classes else ".")
        remedy = "Number the classes from 0 to C - 1."
        yield Finding("data", "wrong", "labels out of range", text, remedy, {"low": low, "high": high})
        return
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    if len(counts) == 1:
        text = f"All {len(labels)} labels are {high}."
        yield Finding("data", "wrong", "one class only", text, "Shuffle before you take a part of the data.")
    elif counts.max() > IMBALANCE * counts.min() and counts.max() > 50:
        text = f"The largest class has {counts.max()} pictures, the smallest {counts.min()}."
        remedy = "Judge by the accuracy of each class; weight the loss or sample the classes alike."
        yield Finding("data", "suspect", "classes out of balance", text, remedy)


def _check_neighbours(flat: np.ndarray, labels: np.ndarray, seed: int) -> Iterator[Finding]:
    """Asks each picture's nearest neighbours for its label, and compares with labels dealt at random.

    If labels belong to pictures, like pictures have like labels, even where no network has learned
    anything. The share of right votes is held against its distribution over permuted labels
    (a permutation test); needs 10 pictures a class to say "wrong".
    """
    flat, labels = flat[:_MOST_PICTURES], labels[:_MOST_PICTURES]
    if len(np.unique(labels)) < 2 or len(labels) < 4 * _NEIGHBOURS:
        return
    neighbours = NearestNeighbors(n_neighbors=_NEIGHBOURS).fit(flat).kneighbors(return_distance=False)
    rng = np.random.default_rng(seed)
    agreement = _agreement(labels, neighbours)
    chance = np.array([_agreement(rng.permutation(labels), neighbours) for _ in range(_PERMUTATIONS)])
    mean, deviation = float(chance.mean()), float(chance.std())
    numbers = {"agreement": agreement, "chance": mean, "chance_deviation": deviation}
    text = (
        f"{agreement:.0%} of the pictures' {_NEIGHBOURS} nearest neighbours have the same label; by chance "
        f"it would be {mean:.0%}."
    )
    if (agreement - mean) / max(deviation, 1e-9) > 3:
        yield Finding("data", "ok", "", f"{len(labels)} pictures: {text}", numbers=numbers)
        return
    remedy = "Compare pictures with labels by eye; shuffle both with one permutation, read both in one order."
    enough = len(labels) >= 10 * len(np.unique(labels))
    yield Finding("data", "wrong" if enough else "suspect", "shuffled labels", text, remedy, numbers)


def _agreement(labels: np.ndarray, neighbours: np.ndarray) -> float:
    return float(np.mean(labels[neighbours] == labels[:, None]))


def check_input_scale(values: np.ndarray) -> list[Finding]:
    """Judges what enters the first layer with weights, [batch, ...].

    A root mean square of about 1 is what initialisers count on; above 10 is wrong, above 4 suspect, and
    below 1/100 the pictures were most likely divided by 255 twice.
    """
    size = root_mean_square(values)
    low, high = float(values.min()), float(values.max())
    numbers = {"root_mean_square": size, "low": low, "high": high}
    text = f"Values from {low:.3g} to {high:.3g} enter the first layer with weights."
    if size > 4:
        remedy = "Begin the model with Rescaling(1/127.5, offset=-1) or an adapted Normalization layer."
        verdict = "wrong" if size > 10 else "suspect"
        return [Finding("data", verdict, "unscaled inputs", text, remedy, numbers)]
    if size < 0.01:
        remedy = "Scale once only: in the model or in the pipeline."
        return [Finding("data", "suspect", "inputs scaled twice", text, remedy, numbers)]
    return [Finding("data", "ok", "", text, numbers=numbers)]
