"""Single pictures of a collection, by shard and name, as tasks name them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nst_keras.errors import InputError
from pipelines.kinds import Examples

if TYPE_CHECKING:
    import numpy as np

PHOTOS, PAINTINGS = "photos", "paintings"  # a collection's splits


@dataclass(frozen=True)
class Found:
    """A picture of a collection: its shard and its name."""

    shard: Path
    name: str


def find_pictures(examples: Examples, split: str) -> list[Found]:
    """Lists the pictures of a split.

    Raises:
        InputError: If there are none, or a shard is damaged.
    """
    from pipelines.examples.files import read_shard, shard_paths

    found = [Found(shard, one.name) for shard in shard_paths(examples, split) for one in read_shard(shard)]
    if not found:
        raise no_pictures(examples, split)
    return found


def no_pictures(examples: Examples, split: str) -> InputError:
    """What is wrong with a collection that has none of a kind."""
    return InputError(f"{examples.path}: must hold a picture in the split {split}, but there is none")


def read_found(found: Found) -> "np.ndarray":
    """Reads a picture, float32 [h, w, 3], RGB on 0..255.

    Raises:
        InputError: If it can't be decoded, with its name; or isn't there any more.
    """
    from nst_keras.pictures.images import decode_image
    from pipelines.examples.files import read_shard

    for example in read_shard(found.shard):
        if example.name == found.name:
            return decode_image(example.encoded, found.name)
    raise InputError(f"{found.shard}: must hold {found.name}, but doesn't; run the stage that wrote it again")
