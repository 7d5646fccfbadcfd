"""Labelled pictures in files of any format that `nst_keras.pictures.images` reads."""

import numpy as np
import tensorflow as tf

from nst_keras.data.file_sets import FileSplit, Source, read_file_set
from nst_keras.data.image_dataset import ImageDataset, Split
from nst_keras.data.load_options import LoadOptions
from nst_keras.ops.fitting import fit_pixels
from nst_keras.pictures.images import decode_image


def load_folder(source: Source, options: LoadOptions, *, strict: bool) -> ImageDataset:
    """Opens a source of pictures in files; `load_dataset` and `read_file_set` say more."""
    found = read_file_set(source, options, strict=strict)
    return ImageDataset(
        name=found.name,
        class_names=found.class_names,
        image_shape=found.image_shape,
        splits={name: _split(name, split, found.image_shape) for name, split in found.splits.items()},
        fingerprint=found.fingerprint,
        split_by=found.split_by,
        skipped=found.skipped,
    )


def _split(name: str, split: FileSplit, shape: tuple[int, int, int]) -> Split:
    files, labels = split.files, split.labels

    def decode(position: np.ndarray) -> np.ndarray:
        file = files[int(position)]
        return decode_image(file.read(), str(file))[..., : shape[2]].astype(np.uint8)

    def example(position: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # Paths stay in Python: file names need not be valid text.
        image = tf.ensure_shape(tf.numpy_function(decode, [position], tf.uint8), (None, None, shape[2]))
        return tf.ensure_shape(fit_pixels(image, *shape[:2]), shape), label

    stored = tf.data.Dataset.from_tensor_slices((np.arange(len(files)), labels))
    examples = stored.map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return Split(name, examples, len(files), files)
