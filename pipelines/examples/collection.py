"""Single pictures of a collection, by shard and name, as tasks name them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nst_keras.errors import InputError
from nst_keras.pictures.images import decode_image
from pipelines.examples.files import read_examples, read_shard
from pipelines.kinds import Examples

PHOTOS, PAINTINGS = "photos", "paintings"  # a collection's splits


@dataclass(frozen=True)
class PictureAt:
    """Where a picture of a collection is: its shard and its name."""

    shard: Path
    name: str


def find_pictures(examples: Examples, split: str) -> list[PictureAt]:
    """Lists the pictures of a split, at least one."""
    pictures = [PictureAt(shard, example.name) for shard, example in read_examples(examples, split)]
    if not pictures:
        raise no_pictures(examples, split)
    return pictures


def no_pictures(examples: Examples, split: str) -> InputError:
    """What is wrong with a collection that has none of a kind."""
    return InputError(f"{examples.path}: must hold a picture in the split {split}, but there is none")


def read_picture(place: PictureAt) -> np.ndarray:
    """Reads a picture, float32 [h, w, 3], RGB on 0..255."""
    for example in read_shard(place.shard):
        if example.name == place.name:
            return decode_image(example.encoded, place.name)
    raise InputError(f"{place.shard}: must hold {place.name}, but doesn't; run the stage that wrote it again")
