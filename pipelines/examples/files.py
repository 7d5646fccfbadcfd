"""Examples as files: TFRecord shards of pictures, and a JSON file that says what they are.

    info.json
    train-00000-of-00004.tfrecord …

Each record is a `tf.train.Example` with "image" (the bytes of a PNG or JPEG file, sRGB, upright), "name"
(unique in the set) and, if there are classes, "label" (int64, from 0). TensorFlow is loaded by what reads
or writes pictures.
"""

import collections
import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nst_keras.data.settings import PARTS
from nst_keras.errors import InputError
from nst_keras.storage.files import file_digest, write_whole, writing_whole
from pipelines.kinds import Examples

if TYPE_CHECKING:
    import tensorflow as tf

    from nst_keras.data.image_dataset import ImageDataset, Split

INFO = "info.json"
_REMEDY = "run the stage that wrote it again"
_BATCH = 256


@dataclass(frozen=True)
class ExampleInfo:
    """What a set of examples is."""

    name: str
    class_names: tuple[str, ...]  # one for each label, 0 first; none if there are no labels
    image_shape: tuple[int, int, int] | None  # height, width, channels of every picture; None if they differ
    splits: Mapping[str, tuple[int, ...]]  # number of examples in each shard, by split
    split_by: str = ""  # what they were cut by, as `ImageDataset` has it
    digests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # hex SHA-256 of shards, if known


@dataclass(frozen=True)
class Example:
    """A picture as it is stored: its name, the bytes of its file, and its label if it has one."""

    name: str
    encoded: bytes
    label: int | None


def shard_name(split: str, number: int, shards: int) -> str:
    """The name of a split's shard, counted from 0."""
    return f"{split}-{number:05}-of-{shards:05}.tfrecord"


def name_of(path: str) -> str:
    """A path as the name of an example: what isn't valid text in it is written in ASCII."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def write_info(folder: Path, info: ExampleInfo) -> None:
    """Writes info.json, which makes shards in the folder a set of examples."""
    write_whole(folder / INFO, (json.dumps(asdict(info), indent=2, ensure_ascii=False) + "\n").encode())


def read_info(examples: Examples) -> ExampleInfo:
    """Reads info.json."""
    path = examples.path / INFO
    try:
        info = json.loads(path.read_bytes())
        shape = info["image_shape"]
        return ExampleInfo(
            name=str(info["name"]),
            class_names=tuple(map(str, info["class_names"])),
            image_shape=None if shape is None else (int(shape[0]), int(shape[1]), int(shape[2])),
            splits={split: tuple(map(int, counts)) for split, counts in info["splits"].items()},
            split_by=str(info.get("split_by", "")),
            digests={split: tuple(map(str, listed)) for split, listed in info.get("digests", {}).items()},
        )
    except FileNotFoundError as error:
        raise InputError(f"{path}: does not exist; {_REMEDY}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{path}: is damaged ({error}); {_REMEDY}") from error


def read_examples(examples: Examples, split: str) -> Iterator[tuple[Path, Example]]:
    """Reads a split's examples with their shards."""
    return ((path, example) for path in shard_paths(examples, split) for example in read_shard(path))


def shard_paths(examples: Examples, split: str) -> list[Path]:
    """The files of a split, in order."""
    splits = read_info(examples).splits
    if split not in splits:
        raise InputError(f"{examples.path}: must have the split {split}. Received: {', '.join(splits)}")
    shards = len(splits[split])
    return [examples.path / shard_name(split, number, shards) for number in range(shards)]


def shard_digests(examples: Examples, split: str) -> tuple[str, ...]:
    """Hex SHA-256 of a split's files; they are read only if info.json, of an older version, hasn't it."""
    known = read_info(examples).digests.get(split)
    return known or tuple(map(file_digest, shard_paths(examples, split)))


def read_shard(path: Path) -> Iterator[Example]:
    """Reads the examples of a file, one by one; their number must be that of an info.json beside it."""
    return (_parse(record, path) for record in _records(path))


def write_shard(path: Path, examples: Iterable[Example]) -> int:
    """Writes a file, whole, with the same bytes for the same examples; returns how many there were."""
    import tensorflow as tf

    count = 0
    try:
        with writing_whole(path) as temporary, tf.io.TFRecordWriter(str(temporary)) as writer:
            for example in examples:
                writer.write(_serialize(example))
                count += 1
    except (OSError, tf.errors.OpError) as error:
        raise InputError(f"{path}: cannot be written: {error}") from error
    return count


def encode_picture(pixels: np.ndarray) -> bytes:
    """Encodes uint8 pixels [h, w, 1 or 3] as PNG, always with the same bytes."""
    import tensorflow as tf

    return tf.io.encode_png(pixels).numpy()


def decode_picture(encoded: bytes, channels: int = 0) -> np.ndarray:
    """Decodes a PNG or JPEG file to uint8 [h, w, channels]: 1 or 3 of them, as stored if 0 are asked for."""
    import tensorflow as tf

    try:
        return tf.io.decode_image(encoded, channels=channels, expand_animations=False).numpy()
    except tf.errors.OpError as error:
        raise InputError(f"cannot be decoded: {first_line(error)}") from error


def decode_example(example: Example, path: Path, channels: int = 0) -> np.ndarray:
    """Decodes the picture of a shard's example."""
    try:
        return decode_picture(example.encoded, channels)
    except InputError as error:
        raise InputError(f"{path}: {example.name} {error}; {_REMEDY}") from error


def first_line(error: "tf.errors.OpError") -> str:
    """What TensorFlow says first; the rest is about its graph."""
    return (error.message or "").partition("\n")[0]


def read_pictures(examples: Examples, split: str) -> Iterator[tuple[str, np.ndarray]]:
    """Reads names and pictures of a split, uint8 [h, w, 3], RGB."""
    for path, example in read_examples(examples, split):
        yield example.name, decode_example(example, path, 3)


def read_dataset(examples: Examples) -> "ImageDataset":
    """Opens labelled pictures of one size for training.

    No shard is read if info.json has their digests: damage shows when they are, and `naming_damage` says
    which it is. Else each shard is checked first.
    """
    from nst_keras.data.image_dataset import ImageDataset

    info = read_info(examples)
    missing = [split for split in PARTS if split not in info.splits]
    if missing or not info.class_names:
        lacking = f"the split {missing[0]}" if missing else "labels"
        raise InputError(f"{examples.path}: must have {lacking} to be trained on")
    if info.image_shape is None:
        raise InputError(
            f"{examples.path}: must hold pictures of one size; the stage Transform makes them so"
        )
    splits = {split: _open_split(examples, split, info, info.image_shape) for split in PARTS}
    digest = hashlib.sha256()
    shards = [path for split in info.splits for path in shard_paths(examples, split)]
    for path in (examples.path / INFO, *([] if info.digests else shards)):
        digest.update(f"{path.name} {file_digest(path)}\n".encode())
    return ImageDataset(
        name=info.name,
        class_names=info.class_names,
        image_shape=info.image_shape,
        splits=splits,
        fingerprint=digest.hexdigest(),
        split_by=info.split_by,
    )


@contextlib.contextmanager
def naming_damage(examples: Examples) -> Iterator[None]:
    """Names the shard that is damaged if a block that read examples ends with an InputError."""
    try:
        yield
    except InputError:
        for split in read_info(examples).splits:
            for path in shard_paths(examples, split):
                collections.deque(_records(path), maxlen=0)
        raise


def _open_split(examples: Examples, split: str, info: ExampleInfo, shape: tuple[int, int, int]) -> "Split":
    import tensorflow as tf

    from nst_keras.data.image_dataset import Split

    paths = shard_paths(examples, split)
    if info.digests:
        for path in paths:
            _require_file(path)
        size = sum(info.splits[split])
    else:
        size = sum(1 for path in paths for _ in _records(path))
    stored = {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64)}

    def decode(record: "tf.Tensor") -> "tuple[tf.Tensor, tf.Tensor]":
        example = tf.io.parse_single_example(record, stored)
        image = tf.io.decode_image(example["image"], channels=shape[2], expand_animations=False)
        return tf.ensure_shape(image, shape), example["label"]

    records = tf.data.TFRecordDataset([str(path) for path in paths])
    pictures = records.map(decode, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return Split(split, pictures.apply(tf.data.experimental.assert_cardinality(size)), size)


def _serialize(example: Example) -> bytes:
    import tensorflow as tf

    message = tf.train.Example()
    feature = message.features.feature
    feature["image"].bytes_list.value.append(example.encoded)
    feature["name"].bytes_list.value.append(example.name.encode())
    if example.label is not None:
        feature["label"].int64_list.value.append(example.label)
    # Else the order of features would be that of a hash table.
    return message.SerializeToString(deterministic=True)


def _parse(record: bytes, path: Path) -> Example:
    import tensorflow as tf

    try:
        feature = tf.train.Example.FromString(record).features.feature
        label = feature["label"].int64_list.value if "label" in feature else []
        return Example(
            name=feature["name"].bytes_list.value[0].decode(),
            encoded=feature["image"].bytes_list.value[0],
            label=int(label[0]) if label else None,
        )
    except (IndexError, ValueError) as error:
        raise InputError(f"{path}: holds a record that isn't an example; {_REMEDY}") from error
    except Exception as error:  # protobuf's DecodeError, which has no public home in all versions
        raise InputError(f"{path}: holds a record that can't be parsed: {error}; {_REMEDY}") from error


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"{path}: does not exist; {_REMEDY}")


def _records(path: Path) -> Iterator[bytes]:
    _require_file(path)
    import tensorflow as tf

    count = 0
    try:
        for batch in tf.data.TFRecordDataset(str(path)).batch(_BATCH).as_numpy_iterator():
            yield from batch
            count += len(batch)
    except tf.errors.OpError as error:
        raise InputError(f"{path}: is damaged: {first_line(error)}; {_REMEDY}") from error
    if not (path.parent / INFO).is_file():
        return
    # A file that was cut between two records looks whole.
    for split, counts in read_info(Examples(path.parent)).splits.items():
        for number, expected in enumerate(counts):
            if path.name == shard_name(split, number, len(counts)) and count != expected:
                raise InputError(f"{path}: must hold {expected} examples; {_REMEDY}. Received: {count}")
