"""Labelled pictures in files of any format that `nst_keras.pictures.images` reads."""

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from nst_keras.data.image_dataset import ImageDataset, LoadOptions, SkippedFile, Split
from nst_keras.data.settings import CONTENT, TRAIN
from nst_keras.data.sources.listing import Listing, list_pictures
from nst_keras.data.sources.picture_files import PictureFile
from nst_keras.data.splits import SplitPlan, cut_by, describe_lent, plan_splits
from nst_keras.errors import InputError
from nst_keras.ops.fitting import choose_size, fit_pixels
from nst_keras.pictures.images import decode_image
from nst_keras.storage.folders import each_once

T = TypeVar("T")

_LISTED = 5


_PORTION = 256  # pictures that are looked at in one go

# What was seen of a picture: SHA-256 of the file in hex, height, width, whether it is gray; or why it can't
# be read. Plain values, for JSON and other processes.
Seen = list[Any] | str
Run = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]
Keep = Callable[[PictureFile, bytes, str], None]  # with the SHA-256 in hex


@dataclass(frozen=True)
class _Pictures:
    """Readable pictures of a part, in the order of their content's hash; columns, for millions of them."""

    files: np.ndarray  # PictureFile [n]
    labels: np.ndarray  # int64 [n]
    digests: np.ndarray  # hex SHA-256 of the files, S64 [n]
    sizes: np.ndarray  # height and width, int32 [n, 2]
    gray: bool  # whether all are


def look_at(files: Sequence[PictureFile], keep: Keep = lambda file, data, sha256: None) -> list[Seen]:
    """Reads and decodes pictures, each once, and gives what it read of each to `keep`."""
    return [_look_at(file, keep) for file in files]


def in_threads(function: Callable[[Any], T], tasks: Sequence[Any]) -> Iterator[T]:
    """Runs a function over tasks on all cores of this process; gives the results in their order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(function, tasks)


def load_folder(
    root: str,
    options: LoadOptions,
    *,
    strict: bool,
    run: Run = in_threads,
    spans: Sequence[str] = (),
) -> ImageDataset:
    """Opens a source of pictures in files, or several below a folder as one; `load_dataset` says more.

    A picture that a class has by several links counts once. Every picture is decoded once to find those that
    are damaged. If all are gray, the set has one channel, else three. Examples come in the order of their
    content's hash: mixed, and the same everywhere.
    """
    listing = list_pictures(spans or [root])
    pictures, skipped = _scan(listing, options.note, run)
    if skipped:
        _report_skipped(root, skipped, strict, options.note)
    class_names = tuple(listing.parts[TRAIN])
    rule = options.rule(grows=True)
    _require_enough(root, pictures, class_names, different=rule.by == CONTENT)
    labels = {part: listed.labels for part, listed in pictures.items()}
    plans = plan_splits(labels, rule, pictures[TRAIN].digests)
    if lent := describe_lent(plans):
        options.note(lent)
    sizes = np.concatenate([listed.sizes for listed in pictures.values()])
    size = options.image_size or choose_size(sizes, options.note)
    shape = (*size, 1 if all(listed.gray for listed in pictures.values()) else 3)
    return ImageDataset(
        name=root,
        class_names=class_names,
        image_shape=shape,
        splits={name: _split(name, plan, pictures[plan.part], shape) for name, plan in plans.items()},
        fingerprint=_fingerprint(pictures, class_names, [*rule.identity(plans), *shape]),
        split_by=cut_by(rule, plans),
        skipped=tuple(skipped),
    )


def _scan(
    listing: Listing,
    note: Callable[[str], None],
    run: Run = in_threads,
) -> tuple[dict[str, _Pictures], list[SkippedFile]]:
    files, runs = list[PictureFile](), list[tuple[int, int, int]]()
    for number, classes in enumerate(listing.parts.values()):
        for label, name in enumerate(listing.parts[TRAIN]):
            before = len(files)
            files += each_once(classes.get(name, ()))
            runs.append((number, label, len(files) - before))
    note(f"reading {len(files)} pictures ...")
    portions = [tuple(files[start : start + _PORTION]) for start in range(0, len(files), _PORTION)]
    digests, gray = np.zeros(len(files), "S64"), np.ones(len(files), bool)
    sizes, skipped = np.zeros((len(files), 2), np.int32), [SkippedFile(*pair) for pair in listing.refused]
    for index, found in enumerate(itertools.chain.from_iterable(run(look_at, portions))):
        if isinstance(found, str):
            skipped.append(SkippedFile(str(files[index]), found))
        else:
            digests[index], *sizes[index], gray[index] = found
    columns = np.array(runs, np.int64)
    numbers, labels = np.repeat(columns[:, 0], columns[:, 2]), np.repeat(columns[:, 1], columns[:, 2])
    pictures = {}
    for number, part in enumerate(listing.parts):
        chosen = np.flatnonzero((numbers == number) & (digests != b""))
        chosen = chosen[_order(chosen, digests, labels, files)]
        own = np.empty(len(chosen), object)
        own[:] = [files[index] for index in chosen]
        every_gray = bool(gray[chosen].all())
        pictures[part] = _Pictures(own, labels[chosen], digests[chosen], sizes[chosen], every_gray)
    return pictures, skipped


def _order(
    chosen: np.ndarray, digests: np.ndarray, labels: np.ndarray, files: Sequence[PictureFile]
) -> np.ndarray:
    """How to sort by content's hash and label; of equal ones by the file's name without folders."""
    order = np.lexsort((labels[chosen], digests[chosen]))
    ordered = chosen[order]
    starts = np.flatnonzero(_differs(digests[ordered], labels[ordered]))
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        if end - start > 1:
            names = [os.path.basename(files[index].name) for index in ordered[start:end]]
            order[start:end] = order[start:end][np.argsort(np.array(names, object), kind="stable")]
    return order


def _differs(digests: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether each of sorted pictures differs from the one before it, bool [n]."""
    differs = np.ones(len(digests), bool)
    differs[1:] = (digests[1:] != digests[:-1]) | (labels[1:] != labels[:-1])
    return differs


def _look_at(file: PictureFile, keep: Keep) -> Seen:
    try:
        data = file.read()
        sha256 = hashlib.sha256(data).hexdigest()
        keep(file, data, sha256)
        pixels = decode_image(data, str(file))
    except InputError as error:
        return str(error)
    gray = bool((pixels == pixels[..., :1]).all())
    return [sha256, *pixels.shape[:2], gray]


def _report_skipped(
    root: str, skipped: Sequence[SkippedFile], strict: bool, note: Callable[[str], None]
) -> None:
    reasons = "; ".join(file.reason for file in skipped[:_LISTED])
    more = f"; and {len(skipped) - _LISTED} more" if len(skipped) > _LISTED else ""
    if strict:
        raise InputError(f"{root}: all pictures must be readable. Received: {reasons}{more}")
    note(f"pictures left out: {len(skipped)}: {reasons}{more}")


def _require_enough(
    root: str, pictures: Mapping[str, _Pictures], class_names: Sequence[str], *, different: bool
) -> None:
    """Checks that each class can give a picture to each split that is cut from the training pictures.

    Where doubles lie on one side, it needs `different` ones.
    """
    cut = max(0, 3 - len(pictures))
    labels = pictures[TRAIN].labels
    if different:
        labels = labels[_differs(pictures[TRAIN].digests, labels)]
    counts = np.bincount(labels, minlength=len(class_names))
    for name, count in zip(class_names, counts, strict=True):
        if count < 1 + cut:
            kinds = ("train", "train and validation", "train, validation and test")[cut]
            least = f"at least {1 + cut} {'different ' * different}readable pictures for {kinds}"
            raise InputError(f"{root}: class {name} must have {least}. Received: {count}")
    for part, listed in pictures.items():
        if not len(listed.labels):
            raise InputError(f"{root}/{part}: must hold readable pictures. Received: 0")


def _split(name: str, plan: SplitPlan, pictures: _Pictures, shape: tuple[int, int, int]) -> Split:
    files, labels = pictures.files[plan.indices], pictures.labels[plan.indices]

    def decode(position: np.ndarray) -> np.ndarray:
        file = files[int(position)]
        return decode_image(file.read(), str(file))[..., : shape[2]].astype(np.uint8)

    def example(position: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # Paths stay in Python: file names need not be valid text.
        image = tf.ensure_shape(tf.numpy_function(decode, [position], tf.uint8), (None, None, shape[2]))
        return tf.ensure_shape(fit_pixels(image, *shape[:2]), shape), label

    stored = tf.data.Dataset.from_tensor_slices((np.arange(len(files)), labels))
    examples = stored.map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return Split(name, examples, len(files), files, labels, pictures.digests[plan.indices])


def _fingerprint(
    pictures: Mapping[str, _Pictures], class_names: Sequence[str], rule: Sequence[object]
) -> str:
    """SHA-256 over JSON: rule, classes, and for each part a list of pairs of SHA-256 and label."""
    digest = hashlib.sha256(f"{json.dumps([*rule, class_names])[:-1]}, [".encode())
    for number, part in enumerate(sorted(pictures)):
        digest.update(f"{', ' * (number > 0)}[{json.dumps(part)}, [".encode())
        listed = pictures[part]
        for start in range(0, len(listed.labels), _PORTION):
            both = zip(listed.digests[start:][:_PORTION], listed.labels[start:][:_PORTION], strict=True)
            text = ", ".join(f'["{sha256.decode()}", {label}]' for sha256, label in both)
            digest.update(f"{', ' * (start > 0)}{text}".encode())
        digest.update(b"]]")
    digest.update(b"]]")
    return digest.hexdigest()
