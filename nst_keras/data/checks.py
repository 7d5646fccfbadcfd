"""What can be wrong with a data set and shows before any training: balance, duplicates, empty pictures."""

import dataclasses
import hashlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from nst_keras.data.image_dataset import ImageDataset, Split

# Pictures of a split that takes more are read once for the checks and not kept, in bytes.
_KEPT_BYTES = 2**29
_BATCH = 256
# A class with so many times the pictures of another is worth a sentence.
IMBALANCE = 10.0
_EXAMPLES = 5


@dataclass(frozen=True)
class Duplicates:
    """Pictures of a split with exactly the pixels of one before them, in an earlier split or in the same.

    Some of them have another label than the picture they repeat. The examples are up to five pairs of
    positions, earlier and later.
    """

    count: int
    relabelled: int
    examples: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class DatasetChecks:
    """What `check_dataset` noticed; it never stops a training by itself."""

    counts: Mapping[str, tuple[int, ...]]  # pictures of each class, by split
    imbalance: float | None  # of the largest training class over the smallest; None if one is empty
    duplicates: Mapping[str, Duplicates]  # by split (within it) and by pair, such as "train/test"
    constant: Mapping[str, int]  # pictures that are one plain colour, by split
    image_shape: tuple[int, int, int]  # height, width, channels
    label_range: tuple[int, int]  # the least and the greatest
    warnings: tuple[str, ...] = ()  # sentences; none if all is well

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class _Scan:
    labels: np.ndarray
    hashes: list[bytes]
    constant: int


def check_dataset(dataset: ImageDataset) -> DatasetChecks:
    """Looks at every picture once."""
    scans = {name: _scan(split) for name, split in dataset.splits.items()}
    classes = len(dataset.class_names)
    counts = {}
    for name, scan in scans.items():
        known = scan.labels[(scan.labels >= 0) & (scan.labels < classes)]
        counts[name] = tuple(np.bincount(known, minlength=classes).tolist())
    duplicates = {name: _duplicates(scan, scan) for name, scan in scans.items()}
    for one, other in itertools.combinations(scans, 2):
        duplicates[f"{one}/{other}"] = _duplicates(scans[one], scans[other])
    labels = np.concatenate([scan.labels for scan in scans.values()])
    train = counts["train"]
    checks = DatasetChecks(
        counts=counts,
        imbalance=max(train) / min(train) if min(train) else None,
        duplicates=duplicates,
        constant={name: scan.constant for name, scan in scans.items()},
        image_shape=dataset.image_shape,
        label_range=(int(labels.min()), int(labels.max())),
    )
    return dataclasses.replace(checks, warnings=tuple(_warnings(checks, dataset)))


def _scan(split: Split) -> _Scan:
    labels, hashes, constant = [], [], 0
    for images, targets in _batches(split):
        labels.append(targets)
        hashes += [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
        constant += int((images == images[:, :1, :1]).all(axis=(1, 2, 3)).sum())
    return _Scan(np.concatenate(labels), hashes, constant)


def _batches(split: Split) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    if not split.fits_memory(_KEPT_BYTES):
        yield from split.examples.batch(_BATCH).as_numpy_iterator()
        return
    images, labels = split.arrays()
    for start in range(0, split.size, _BATCH):
        yield images[start : start + _BATCH], labels[start : start + _BATCH]


def _duplicates(one: _Scan, other: _Scan) -> Duplicates:
    # Reversed, so that the first of equal pictures stays.
    first = {digest: position for position, digest in reversed(list(enumerate(one.hashes)))}
    pairs = [(first[digest], position) for position, digest in enumerate(other.hashes) if digest in first]
    if one is other:
        pairs = [(earlier, position) for earlier, position in pairs if earlier != position]
    relabelled = sum(bool(one.labels[i] != other.labels[j]) for i, j in pairs)
    return Duplicates(len(pairs), relabelled, tuple(pairs[:_EXAMPLES]))


def _warnings(checks: DatasetChecks, dataset: ImageDataset) -> Iterator[str]:
    class_names = dataset.class_names
    low, high = checks.label_range
    if low < 0 or high >= len(class_names):
        yield f"Labels must go from 0 to {len(class_names) - 1}, but go from {low} to {high}."
    for name, counts in checks.counts.items():
        missing = [label for label, count in zip(class_names, counts, strict=True) if not count]
        if missing:
            yield f"{name} has no picture of {', '.join(missing)}."
    if checks.imbalance and checks.imbalance >= IMBALANCE:
        train = checks.counts["train"]
        most, least = class_names[int(np.argmax(train))], class_names[int(np.argmin(train))]
        yield f"{most} has {checks.imbalance:.0f} times as many training pictures as {least}."
    for name, duplicates in checks.duplicates.items():
        if duplicates.count:
            yield from _duplicate_warnings(name, duplicates, dataset.splits)
    for name, count in checks.constant.items():
        if count:
            yield f"Pictures of {name} that are one plain colour: {count}."


def _duplicate_warnings(name: str, duplicates: Duplicates, splits: Mapping[str, Split]) -> Iterator[str]:
    one, slash, other = name.partition("/")
    other = other or one
    first, second = duplicates.examples[0]
    pair = f"{_title(splits[one], first)} and {_title(splits[other], second)}"
    what = f"are in {one} too" if slash else "repeat another"
    yield f"{duplicates.count} of {splits[other].size} pictures of {other} {what}, such as {pair}."
    if duplicates.relabelled:
        yield f"{duplicates.relabelled} of these have another label than their double."


def _title(split: Split, position: int) -> str:
    return split.paths[position] if split.paths else f"{split.name}[{position}]"
