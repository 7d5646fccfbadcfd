"""A classifier's answers to one shard, counted, so that several machines can share the work."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial, reduce
from operator import add
from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy.special import softmax

from nst_keras.classifiers.trained import TrainedClassifier, load_classifier
from nst_keras.errors import InputError
from nst_keras.ops.fitting import fit_pixels
from nst_keras.pictures.color import luma
from nst_keras.storage.files import write_whole
from pipelines.engine.memo import Piece
from pipelines.examples.files import Example, decode_example, read_shard
from pipelines.examples.parts import portions
from pipelines.judging.tallies import Looks, Mistakes, Tally, surest, tally

_BATCH = 64


@dataclass(frozen=True)
class JudgeTask:
    """A shard for the models of two artifacts' folders, the second perhaps "", and the file of counts."""

    model: str
    baseline: str
    shard: str
    target: str
    piece: Piece


def judge_shard(task: JudgeTask) -> str:
    """Writes the counts of a shard unless they are there; returns their path."""
    task.piece.once(Path(task.target), partial(_write_counts, task))
    return task.target


def _write_counts(task: JudgeTask) -> None:
    classifier, path = _load(task.model), Path(task.shard)
    baseline = _load(task.baseline) if task.baseline else None
    judged = (_judge(classifier, baseline, few, path) for few in portions(read_shard(path), _BATCH))
    counts, mistakes = _sum(judged, _nothing(classifier))
    buffer = io.BytesIO()
    named = {f"m_{name}": value for name, value in vars(mistakes).items()}
    np.savez(buffer, allow_pickle=False, **vars(counts), **named)
    write_whole(task.target, buffer.getvalue())


def read_judged(paths: Sequence[str], classifier: TrainedClassifier) -> tuple[Tally, Mistakes]:
    """Adds up what was counted of all shards, in their order."""
    return _sum(map(_read, paths), _nothing(classifier))


def _read(path: str) -> tuple[Tally, Mistakes]:
    with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as archive:
        mistakes = {name[2:]: archive[name] for name in archive if name.startswith("m_")}
        counts = {name: archive[name] for name in archive if not name.startswith("m_")}
    return Tally(**counts), Mistakes(**mistakes)


def _sum(parts: Iterable[tuple[Tally, Mistakes]], nothing: tuple[Tally, Mistakes]) -> tuple[Tally, Mistakes]:
    return reduce(lambda one, other: tuple(map(add, one, other)), parts, nothing)


@lru_cache(maxsize=2)
def _load(folder: str) -> TrainedClassifier:
    return load_classifier(folder)  # once for all shards that a process gets


def _judge(
    classifier: TrainedClassifier, baseline: TrainedClassifier | None, examples: Sequence[Example], path: Path
) -> tuple[Tally, Mistakes]:
    pictures = [_decode(classifier, example, path) for example in examples]
    seen = np.stack([_seen(classifier, picture) for picture in pictures])
    logits = np.asarray(classifier.model(tf.cast(seen, tf.float32), training=False), np.float32)
    labels = np.array([example.label for example in examples], np.int64)
    light = [picture if picture.shape[-1] == 1 else luma(picture.astype(np.float32)) for picture in pictures]
    looks = Looks(
        np.array([luminance.mean(dtype=np.float64) for luminance in light], np.float32),
        np.array([luminance.std(dtype=np.float64) for luminance in light], np.float32),
        np.array([picture.shape[:2] for picture in pictures], np.int64),
    )
    other = None if baseline is None else _is_right(baseline, examples, labels, path, seen)
    wrong = np.flatnonzero(logits.argmax(axis=1) != labels)
    chances = softmax(logits[wrong] / classifier.temperature, axis=1)
    counts = tally(logits, labels, looks, classifier.temperature, other)
    return counts, surest(seen[wrong], labels[wrong], chances)


def _is_right(
    classifier: TrainedClassifier,
    examples: Sequence[Example],
    labels: np.ndarray,
    path: Path,
    seen: np.ndarray,
) -> np.ndarray:
    """Which examples a classifier gets right, bool [n]; `seen` is what another one sees of them."""
    if seen.shape[1:] != tuple(classifier.image_shape):
        seen = np.stack([_seen(classifier, _decode(classifier, example, path)) for example in examples])
    logits = classifier.model(tf.cast(seen, tf.float32), training=False)
    return np.asarray(logits).argmax(axis=1) == labels


def _decode(classifier: TrainedClassifier, example: Example, path: Path) -> np.ndarray:
    if example.label is None or not 0 <= example.label < len(classifier.class_names):
        raise InputError(
            f"{path}: {example.name}: must have a label below {len(classifier.class_names)} to be judged by. "
            f"Received: {example.label}"
        )
    return decode_example(example, path, classifier.image_shape[2])


def _seen(classifier: TrainedClassifier, picture: np.ndarray) -> np.ndarray:
    height, width, _ = classifier.image_shape
    return np.asarray(fit_pixels(tf.constant(picture), height, width))


def _nothing(classifier: TrainedClassifier) -> tuple[Tally, Mistakes]:
    """What is counted of no pictures."""
    none, labels = np.zeros([0], np.float32), np.zeros([0], np.int64)
    logits = np.zeros([0, len(classifier.class_names)], np.float32)
    looks = Looks(none, none, np.zeros([0, 2], np.int64))
    pictures = np.zeros([0, *classifier.image_shape], np.uint8)
    return tally(logits, labels, looks, classifier.temperature), Mistakes(pictures, labels, logits)
