"""Photos to train stylizers on: a folder with all that is below it, or a set of tensorflow-datasets."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from nst_keras.data.tfds_preparation import find_builder, prepare, quiet_tfds
from nst_keras.errors import InputError
from nst_keras.pictures.images import read_image
from nst_keras.pictures.opening import pictures_among
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.storage.folders import each_once, walk_files


def load_photos(
    spec: str, *, longest_side: int, most: int, data_dir: str = "", note: Callable[[str], None]
) -> list[np.ndarray]:
    """Reads `most` photos, the first by name or of the set, into memory: uint8 [h, w, 3] each, RGB.

    They come from a folder, or from the part "train" of a set of tensorflow-datasets with the feature
    "image", such as coco/2017, kept in `data_dir` or its own default. Photos larger than `longest_side`, in
    pixels, are made smaller; `note` is called with a line of text about files that can't be read and are left
    out.
    """
    source = _in_folder(Path(spec), note) if os.path.isdir(spec) else _in_dataset(spec, data_dir, note)
    photos = [_limited(photo, longest_side) for photo in itertools.islice(source, most)]
    if not photos:
        raise InputError(f"{spec}: must hold a picture, but none can be read")
    return photos


def _in_folder(folder: Path, note: Callable[[str], None]) -> Iterator[np.ndarray]:
    for path in each_once(pictures_among(walk_files(folder))):
        try:
            yield read_image(path)
        except InputError as error:
            note(f"left out: {error}")


def _in_dataset(name: str, data_dir: str, note: Callable[[str], None]) -> Iterator[np.ndarray]:
    builder = find_builder(name, data_dir)
    prepare(builder, "", note)
    features = list(builder.info.features)
    if "image" not in features:
        raise InputError(f"{name}: must have the feature 'image'. Received: {', '.join(features)}")
    with quiet_tfds():
        examples = builder.as_dataset(split="train", shuffle_files=False)
    for example in examples:
        image = example["image"].numpy()
        yield np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image[..., :3]


def _limited(photo: np.ndarray, longest_side: int) -> np.ndarray:
    if max(photo.shape[:2]) > longest_side:
        photo = resize(photo, *fit_size(photo, longest_side))
    return np.clip(np.rint(photo), 0, 255).astype(np.uint8)
