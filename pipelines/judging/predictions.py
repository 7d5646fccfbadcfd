"""What a trained classifier says of examples, shard by shard, so that several machines can share the work."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import tensorflow as tf

from nst_keras.classifiers.trained import TrainedClassifier, load_classifier
from nst_keras.errors import InputError
from nst_keras.ops.fitting import fit_pixels
from nst_keras.pictures.color import luma
from nst_keras.storage.files import write_whole
from pipelines.examples.files import Example, decode_example, read_shard
from pipelines.examples.parts import portions

_BATCH = 64


@dataclass(frozen=True)
class PredictionTask:
    """A shard for the model of an artifact's folder, and the file of predictions to write."""

    model: str
    shard: str
    target: str


@dataclass(frozen=True)
class Predictions:
    """What a classifier says of n pictures, and what they look like."""

    names: np.ndarray  # [n]
    labels: np.ndarray  # true classes, int64 [n]
    logits: np.ndarray  # float32 [n, classes]
    brightness: np.ndarray  # mean luma of each picture, 0..255, float32 [n]
    contrast: np.ndarray  # standard deviation of it, float32 [n]
    sizes: np.ndarray  # height and width, int64 [n, 2]


def predict_shard(task: PredictionTask) -> str:
    """Writes the predictions of a shard, unless they are there; returns their path."""
    target = Path(task.target)
    if not target.exists():
        classifier, path = _load(task.model), Path(task.shard)
        parts = [_predict(classifier, batch, path) for batch in portions(read_shard(path), _BATCH)]
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **vars(_joined(parts or [_nothing(classifier)])))
        write_whole(target, buffer.getvalue())
    return task.target


def read_predictions(paths: Iterable[str]) -> Predictions:
    """Reads the predictions of all shards of a split, in their order."""
    parts = []
    for path in paths:
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as archive:
            parts.append(Predictions(**archive))
    return _joined(parts)


def read_as_seen(classifier: TrainedClassifier, shards: Iterable[Path], names: Sequence[str]) -> np.ndarray:
    """Reads pictures by name as the classifier sees them, uint8 [n, height, width, channels], as listed."""
    if not names:
        return np.zeros([0, *classifier.image_shape], np.uint8)
    wanted, pictures = set(names), {}
    for path in shards:
        for example in read_shard(path):
            if example.name in wanted:
                pictures[example.name] = _seen(classifier, _decode(classifier, example, path))
    return np.stack([pictures[name] for name in names])


@lru_cache(maxsize=2)
def _load(folder: str) -> TrainedClassifier:
    return load_classifier(folder)  # once for all shards that a process gets


def _predict(classifier: TrainedClassifier, examples: Sequence[Example], path: Path) -> Predictions:
    pictures = [_decode(classifier, example, path) for example in examples]
    seen = np.stack([_seen(classifier, picture) for picture in pictures])
    logits = classifier.model(tf.cast(seen, tf.float32), training=False)
    light = [picture if picture.shape[-1] == 1 else luma(picture.astype(np.float32)) for picture in pictures]
    return Predictions(
        np.array([example.name for example in examples]),
        np.array([example.label for example in examples], np.int64),
        np.asarray(logits, np.float32),
        np.array([luminance.mean(dtype=np.float64) for luminance in light], np.float32),
        np.array([luminance.std(dtype=np.float64) for luminance in light], np.float32),
        np.array([picture.shape[:2] for picture in pictures], np.int64),
    )


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


def _nothing(classifier: TrainedClassifier) -> Predictions:
    none = np.zeros([0], np.float32)
    logits = np.zeros([0, len(classifier.class_names)], np.float32)
    labels, sizes = np.array([], np.int64), np.zeros([0, 2], np.int64)
    return Predictions(np.array([], "U1"), labels, logits, none, none, sizes)


def _joined(parts: Sequence[Predictions]) -> Predictions:
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return Predictions(*map(np.concatenate, columns))
