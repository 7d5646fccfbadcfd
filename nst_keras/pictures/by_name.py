"""Pictures by name: a file, or `sample:NAME` for one that comes with the package."""

import numpy as np

from nst_keras.errors import InputError
from nst_keras.pictures.images import read_image
from nst_keras.pictures.samples import read_sample

SAMPLE = "sample:"


def load_picture(name: str, role: str) -> np.ndarray:
    """Returns a picture, float32 [H, W, 3] on 0..255.

    Args:
        name: Path of a file, or `sample:NAME`.
        role: What it is for, such as "content"; messages begin with it.

    Raises:
        InputError: If it can't be read.
    """
    try:
        if name.startswith(SAMPLE):
            return read_sample(name.removeprefix(SAMPLE))
        return read_image(name)
    except InputError as error:
        raise InputError(f"{role}: {error}") from error
