"""Image classification sets of tensorflow-datasets, by name."""

import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from nst_keras.data.image_dataset import ImageDataset, Split
from nst_keras.data.load_options import LoadOptions
from nst_keras.data.perceptual_hash import coarse_look, low_frequencies, perceptual_hash
from nst_keras.data.settings import APPEARANCE, CONTENT, PARTS, TRAIN
from nst_keras.data.splits import SplitPlan, cut_by, describe_lent, plan_splits
from nst_keras.data.tfds_preparation import find_builder, prepare
from nst_keras.errors import InputError
from nst_keras.ops.fitting import choose_size, fit_pixels
from nst_keras.pictures.images import decode_image

# So many pictures are measured before a size is chosen for a set whose pictures differ.
_MEASURED = 1000
# Few enough for large pictures, many enough that small ones cost little each.
_BATCH = 128

Read = Callable[..., tf.data.Dataset]  # of a part, and of the positions in it that are wanted


def load_tfds(spec: str, options: LoadOptions, *, data_dir: str, manual_dir: str) -> ImageDataset:
    """Opens a set of tensorflow-datasets; `nst_keras.data.datasets.load_dataset` says more."""
    builder = find_builder(spec, data_dir)
    keys = _image_and_label(builder)
    prepare(builder, manual_dir, options.note)
    if not builder.info.splits:
        # Another process has prepared the set after this builder looked.
        builder = find_builder(spec, data_dir)
    if builder.info.file_format != tfds.core.FileFormat.TFRECORD:
        kind = builder.info.file_format.value
        raise InputError(f"{builder.data_path}: must be prepared as TFRecord files. Received: {kind}")
    read, feature = functools.partial(_read, builder, keys), builder.info.features[keys[0]]
    rule, contents = options.rule(grows=False), list[str]()
    labels = _read_labels(builder, read, _CONTENTS.get(rule.by), contents)
    plans = plan_splits(labels, rule, contents)
    if lent := describe_lent(plans):
        options.note(lent)
    shape = _choose_shape(feature, read, options)
    return ImageDataset(
        name=builder.info.full_name,
        class_names=tuple(builder.info.features[keys[1]].names),
        image_shape=shape,
        splits={name: _split(name, plan, feature, read, shape) for name, plan in plans.items()},
        fingerprint=_fingerprint(builder, read, labels, [*rule.identity(plans), *shape]),
        split_by=cut_by(rule, plans),
    )


def _image_and_label(builder: tfds.core.DatasetBuilder) -> tuple[str, str]:
    """Returns the names of the two features, or raises InputError."""
    held = dict(builder.info.features.items())
    keys = builder.info.supervised_keys or ("image", "label")
    image, label = (held.get(key) if isinstance(key, str) else None for key in keys[:2])
    if (
        isinstance(image, tfds.features.Image)
        and isinstance(label, tfds.features.ClassLabel)
        and image.np_dtype == np.uint8
        and image.shape[-1] is not None
    ):
        return keys[0], keys[1]
    received = ", ".join(f"{key} ({type(feature).__name__})" for key, feature in sorted(held.items()))
    expected = "must be a set of 8-bit pictures with one label each (features Image and ClassLabel)"
    raise InputError(f"{builder.name}: {expected}. Received: {received}")


def _read(
    builder: tfds.core.DatasetBuilder, keys: tuple[str, str], part: str, kept: np.ndarray | None = None
) -> tf.data.Dataset:
    """Batches of encoded pictures [b] and labels [b] in the order in which they are stored.

    Without the positions of those that are `kept`, all are read. The files are parsed here by the batch:
    `builder.as_dataset` takes them one by one, which for small pictures takes 20 times as long.
    """
    info = builder.info.splits[part]
    image_key, label_key = keys
    stored = {image_key: tf.io.FixedLenFeature([], tf.string), label_key: tf.io.FixedLenFeature([], tf.int64)}
    mask = np.zeros(info.num_examples, bool)
    mask[slice(None) if kept is None else kept] = True

    @tf.autograph.experimental.do_not_convert  # there is nothing to convert, which takes its time
    def parse(records: tf.Tensor, wanted: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        example = tf.io.parse_example(tf.boolean_mask(records, wanted), stored)
        return example[image_key], example[label_key]

    records = tf.data.TFRecordDataset([str(path) for path in info.filepaths])
    pairs = tf.data.Dataset.zip(records, tf.data.Dataset.from_tensor_slices(mask))
    return pairs.batch(_BATCH).map(parse)


def _read_labels(
    builder: tfds.core.DatasetBuilder,
    read: Read,
    content_of: Callable[[bytes], str] | None,
    contents: list[str],
) -> dict[str, np.ndarray]:
    """Labels of each part that can be used, int64 [n]; a test part without labels (-1) cannot.

    Fills `contents` with what each training picture is known by, if by anything.
    """
    splits = builder.info.splits
    if TRAIN not in splits:
        raise InputError(f"{builder.name}: must have the split train. Received: {', '.join(splits)}")
    labels = {}
    try:
        for part in filter(splits.__contains__, PARTS):
            batches = []
            for pictures, batch in read(part).as_numpy_iterator():
                batches.append(batch)
                if part == TRAIN and content_of is not None:
                    contents += map(content_of, pictures)
            labels[part] = np.concatenate(batches)
    except tf.errors.OpError as error:
        reason = error.message.splitlines()[0][:200]
        raise InputError(f"{builder.data_path}: is damaged: {reason}; remove it and run again") from error
    return {part: values for part, values in labels.items() if part == TRAIN or values.min() >= 0}


def _digest(picture: bytes) -> str:
    return hashlib.sha256(picture).hexdigest()


def _look(picture: bytes) -> str:
    """How an encoded picture looks, in hex."""
    frequencies = low_frequencies(decode_image(picture, "a picture of the set"))
    return coarse_look(perceptual_hash(frequencies)).tobytes().hex()


_CONTENTS = {CONTENT: _digest, APPEARANCE: _look}


def _choose_shape(feature: tfds.features.Image, read: Read, options: LoadOptions) -> tuple[int, int, int]:
    height, width, channels = feature.shape
    if options.image_size:
        return *options.image_size, channels
    if height is None or width is None:
        first = read("train").unbatch().take(_MEASURED)
        sizes = [feature.decode_example(picture).shape[:2] for picture, _ in first]
        height, width = choose_size(np.array(sizes), options.note)
    return height, width, channels


def _split(
    name: str, plan: SplitPlan, feature: tfds.features.Image, read: Read, shape: tuple[int, int, int]
) -> Split:
    def decode(picture: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(fit_pixels(feature.decode_example(picture), *shape[:2]), shape)

    @tf.autograph.experimental.do_not_convert
    def decode_all(pictures: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        signature = tf.TensorSpec(shape, tf.uint8)
        return tf.map_fn(decode, pictures, fn_output_signature=signature), labels

    decoded = read(plan.part, plan.indices).map(
        decode_all, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    size = len(plan.indices)
    return Split(name, decoded.unbatch().apply(tf.data.experimental.assert_cardinality(size)), size)


def _fingerprint(
    builder: tfds.core.DatasetBuilder, read: Read, labels: Mapping[str, np.ndarray], rule: Sequence[object]
) -> str:
    """Hashes the downloads' published checksums, or the stored pictures if nothing was downloaded."""
    checksums = sorted(info.checksum for info in (builder.url_infos or {}).values())
    digest = hashlib.sha256(json.dumps([builder.info.full_name, checksums, *rule]).encode())
    for part, values in labels.items():
        digest.update(f"{part} {len(values)}".encode() + values.tobytes())
        if not checksums:
            for pictures, _ in read(part).as_numpy_iterator():
                digest.update(b"".join(pictures))
    return digest.hexdigest()
