"""Folders of classes, with pictures of any format that `nst_keras.pictures.images` reads."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from nst_keras.data.folder_layout import Parts, find_parts
from nst_keras.data.image_dataset import ImageDataset, LoadOptions, SkippedFile, Split
from nst_keras.data.settings import CONTENT, TRAIN
from nst_keras.data.splits import SplitPlan, cut_by, describe_lent, plan_splits
from nst_keras.errors import InputError
from nst_keras.ops.fitting import choose_size, fit_pixels
from nst_keras.pictures.images import decode_image, read_image
from nst_keras.storage.files import open_file
from nst_keras.storage.folders import each_once

_LISTED = 5


@dataclass(frozen=True)
class _Picture:
    """A readable picture: number of its class, hash of the file, height and width, whether it is gray."""

    path: Path
    label: int
    sha256: str
    size: tuple[int, int]
    gray: bool


def load_folder(root: Path, options: LoadOptions, *, strict: bool) -> ImageDataset:
    """Opens a folder of classes; `nst_keras.data.datasets.load_dataset` says more.

    A picture that a class has by several links counts once. Every picture is decoded once to find those that
    are damaged. If all are gray, the set has one channel, else three. Examples come in the order of their
    content's hash: mixed, and the same everywhere.
    """
    parts = find_parts(root)
    pictures, skipped = _scan(parts, options.note)
    if skipped:
        _report_skipped(root, skipped, strict, options.note)
    class_names = tuple(parts["train"])
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
        name=str(root),
        class_names=class_names,
        image_shape=shape,
        splits={name: _split(name, plan, pictures[plan.part], shape) for name, plan in plans.items()},
        fingerprint=_fingerprint(pictures, class_names, [*rule.identity(plans), *shape]),
        split_by=cut_by(rule, plans),
        skipped=tuple(skipped),
    )


def _scan(parts: Parts, note: Callable[[str], None]) -> tuple[dict[str, list[_Picture]], list[SkippedFile]]:
    numbers = {name: label for label, name in enumerate(parts["train"])}
    note(f"reading {sum(len(paths) for part in parts.values() for paths in part.values())} pictures ...")
    pictures: dict[str, list[_Picture]] = {}
    skipped = []
    for part, classes in parts.items():
        pictures[part] = []
        for path, label in [(p, numbers[name]) for name, paths in classes.items() for p in each_once(paths)]:
            try:
                pictures[part].append(_scan_picture(path, label))
            except InputError as error:
                skipped.append(SkippedFile(str(path), str(error)))
        pictures[part].sort(key=lambda picture: (picture.sha256, picture.label, picture.path.name))
    return pictures, skipped


def _scan_picture(path: Path, label: int) -> _Picture:
    with open_file(path) as file:
        data = file.read()
    pixels = decode_image(data, str(path))
    gray = bool((pixels == pixels[..., :1]).all())
    return _Picture(path, label, hashlib.sha256(data).hexdigest(), pixels.shape[:2], gray)


def _report_skipped(
    root: Path, skipped: Sequence[SkippedFile], strict: bool, note: Callable[[str], None]
) -> None:
    reasons = "; ".join(file.reason for file in skipped[:_LISTED])
    more = f"; and {len(skipped) - _LISTED} more" if len(skipped) > _LISTED else ""
    if strict:
        raise InputError(f"{root}: all pictures must be readable. Received: {reasons}{more}")
    note(f"pictures left out: {len(skipped)}: {reasons}{more}")


def _require_enough(
    root: Path, pictures: Mapping[str, Sequence[_Picture]], class_names: Sequence[str], *, different: bool
) -> None:
    """Checks that each class can give a picture to each split that is cut from the training pictures.

    Where doubles lie on one side, it needs `different` ones.
    """
    cut = max(0, 3 - len(pictures))
    files = {(picture.label, picture.sha256 if different else picture.path) for picture in pictures[TRAIN]}
    counts = np.bincount([label for label, _ in files], minlength=len(class_names))
    for name, count in zip(class_names, counts, strict=True):
        if count < 1 + cut:
            kinds = ("train", "train and validation", "train, validation and test")[cut]
            least = f"at least {1 + cut} {'different ' * different}readable pictures for {kinds}"
            raise InputError(f"{root}: class {name} must have {least}. Received: {count}")
    for part, listed in pictures.items():
        if not listed:
            raise InputError(f"{root / part}: must hold readable pictures. Received: 0")


def _split(name: str, plan: SplitPlan, pictures: Sequence[_Picture], shape: tuple[int, int, int]) -> Split:
    chosen = [pictures[index] for index in plan.indices]
    paths = [picture.path for picture in chosen]

    def decode(position: np.ndarray) -> np.ndarray:
        return read_image(paths[int(position)])[..., : shape[2]].astype(np.uint8)

    def example(position: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # Paths stay in Python: file names need not be valid text.
        image = tf.ensure_shape(tf.numpy_function(decode, [position], tf.uint8), (None, None, shape[2]))
        return tf.ensure_shape(fit_pixels(image, *shape[:2]), shape), label

    labels = np.array([picture.label for picture in chosen], np.int64)
    stored = tf.data.Dataset.from_tensor_slices((np.arange(len(chosen)), labels))
    examples = stored.map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return Split(name, examples, len(chosen), tuple(str(path) for path in paths))


def _fingerprint(
    pictures: Mapping[str, Sequence[_Picture]], class_names: Sequence[str], rule: Sequence[object]
) -> str:
    content = [[part, [[p.sha256, p.label] for p in pictures[part]]] for part in sorted(pictures)]
    return hashlib.sha256(json.dumps([*rule, class_names, content]).encode()).hexdigest()
