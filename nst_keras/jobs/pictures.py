"""Pictures by name: a file, or `sample:NAME` for one that comes with the package."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nst_keras.errors import InputError
from nst_keras.io.images import WRITABLE_SUFFIXES, list_images, read_image
from nst_keras.samples import read_sample

_SAMPLE = "sample:"


def load_picture(name: str, role: str) -> np.ndarray:
    """Returns a picture, float32 [H, W, 3] on 0..255.

    Args:
        name: Path of a file, or `sample:NAME`.
        role: What it is for, such as "content"; messages begin with it.

    Raises:
        InputError: If it can't be read.
    """
    try:
        if name.startswith(_SAMPLE):
            return read_sample(name.removeprefix(_SAMPLE))
        return read_image(name)
    except InputError as error:
        raise InputError(f"{role}: {error}") from error


def expand(names: Sequence[str]) -> list[str]:
    """Replaces each folder by the pictures in it."""
    expanded: list[str] = []
    for name in names:
        if os.path.isdir(name):
            expanded += [str(path) for path in list_images(name)]
        else:
            expanded.append(name)
    return expanded


def stem(name: str) -> str:
    """Short name of a picture, for building file names."""
    return Path(name.removeprefix(_SAMPLE)).stem


def check_output(output: Path, inputs: Sequence[str]) -> None:
    """Refuses an output that would replace an input, or whose format can't be written.

    Raises:
        InputError: As it says.
    """
    if output.suffix.lower() not in WRITABLE_SUFFIXES:
        raise InputError(
            f"output: {output}: the suffix must be one of {', '.join(sorted(WRITABLE_SUFFIXES))}"
        )
    for name in inputs:
        if not name.startswith(_SAMPLE) and os.path.realpath(name) == os.path.realpath(output):
            raise InputError(f"output: {output} is also an input and would be overwritten")
