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


@dataclass(frozen=True, slots=True)
class _Picture:
    """A readable picture: number of its class, hash of the file, height and width, whether it is gray."""

    file: PictureFile
    label: int
    sha256: str
    size: tuple[int, int]
    gray: bool


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
    labels = {part: np.array([p.label for p in listed], np.int64) for part, listed in pictures.items()}
    plans = plan_splits(labels, rule, [picture.sha256 for picture in pictures[TRAIN]])
    if lent := describe_lent(plans):
        options.note(lent)
    everything = [picture for listed in pictures.values() for picture in listed]
    size = options.image_size or choose_size(np.array([p.size for p in everything]), options.note)
    shape = (*size, 1 if all(picture.gray for picture in everything) else 3)
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
) -> tuple[dict[str, list[_Picture]], list[SkippedFile]]:
    listed = [
        (part, label, file)
        for part, classes in listing.parts.items()
        for label, name in enumerate(listing.parts[TRAIN])
        for file in each_once(classes.get(name, ()))
    ]
    note(f"reading {len(listed)} pictures ...")
    portions = [
        tuple(file for _, _, file in listed[start : start + _PORTION])
        for start in range(0, len(listed), _PORTION)
    ]
    seen = itertools.chain.from_iterable(run(look_at, portions))
    pictures: dict[str, list[_Picture]] = {part: [] for part in listing.parts}
    skipped = [SkippedFile(*pair) for pair in listing.refused]
    for (part, label, file), found in zip(listed, seen, strict=True):
        if isinstance(found, str):
            skipped.append(SkippedFile(str(file), found))
        else:
            sha256, height, width, gray = found
            pictures[part].append(_Picture(file, label, sha256, (height, width), gray))
    for one_part in pictures.values():
        one_part.sort(
            key=lambda picture: (picture.sha256, picture.label, os.path.basename(picture.file.name))
        )
    return pictures, skipped


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
    root: str, pictures: Mapping[str, Sequence[_Picture]], class_names: Sequence[str], *, different: bool
) -> None:
    """Checks that each class can give a picture to each split that is cut from the training pictures.

    Where doubles lie on one side, it needs `different` ones.
    """
    cut = max(0, 3 - len(pictures))
    files = {
        (picture.label, picture.sha256 if different else str(picture.file)) for picture in pictures[TRAIN]
    }
    counts = np.bincount([label for label, _ in files], minlength=len(class_names))
    for name, count in zip(class_names, counts, strict=True):
        if count < 1 + cut:
            kinds = ("train", "train and validation", "train, validation and test")[cut]
            least = f"at least {1 + cut} {'different ' * different}readable pictures for {kinds}"
            raise InputError(f"{root}: class {name} must have {least}. Received: {count}")
    for part, listed in pictures.items():
        if not listed:
            raise InputError(f"{root}/{part}: must hold readable pictures. Received: 0")


def _split(name: str, plan: SplitPlan, pictures: Sequence[_Picture], shape: tuple[int, int, int]) -> Split:
    chosen = [pictures[index] for index in plan.indices]
    files = [picture.file for picture in chosen]

    def decode(position: np.ndarray) -> np.ndarray:
        file = files[int(position)]
        return decode_image(file.read(), str(file))[..., : shape[2]].astype(np.uint8)

    def example(position: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # Paths stay in Python: file names need not be valid text.
        image = tf.ensure_shape(tf.numpy_function(decode, [position], tf.uint8), (None, None, shape[2]))
        return tf.ensure_shape(fit_pixels(image, *shape[:2]), shape), label

    labels = np.array([picture.label for picture in chosen], np.int64)
    stored = tf.data.Dataset.from_tensor_slices((np.arange(len(chosen)), labels))
    examples = stored.map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return Split(name, examples, len(chosen), files, labels, [picture.sha256 for picture in chosen])


def _fingerprint(
    pictures: Mapping[str, Sequence[_Picture]], class_names: Sequence[str], rule: Sequence[object]
) -> str:
    content = [[part, [[p.sha256, p.label] for p in pictures[part]]] for part in sorted(pictures)]
    return hashlib.sha256(json.dumps([*rule, class_names, content]).encode()).hexdigest()
