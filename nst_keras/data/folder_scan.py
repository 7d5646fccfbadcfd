"""Decodes the pictures of a folder once, to know their sizes and to find the damaged ones."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nst_keras.data.image_dataset import SkippedFile
from nst_keras.errors import InputError
from nst_keras.pictures.images import decode_image
from nst_keras.storage.files import open_file


@dataclass(frozen=True)
class Picture:
    """A readable picture of a class.

    Attributes:
        path: The file.
        label: Number of the class.
        sha256: Of the file's content.
        size: Height and width, upright.
        gray: Whether red, green and blue are equal everywhere.
    """

    path: Path
    label: int
    sha256: str
    size: tuple[int, int]
    gray: bool


def read_pixels(path: Path) -> np.ndarray:
    """Returns a picture as uint8 [h, w, 3], sRGB, upright; see `nst_keras.pictures.images.read_image`.

    Raises:
        InputError: If it can't be read.
    """
    return _decode(_read(path), path)


def scan_pictures(labelled: Iterable[tuple[Path, int]]) -> tuple[list[Picture], list[SkippedFile]]:
    """Decodes each picture.

    Args:
        labelled: Files and the numbers of their classes.

    Returns:
        The readable ones in the order given, and the others.
    """
    good, bad = [], []
    for path, label in labelled:
        try:
            data = _read(path)
            pixels = _decode(data, path)
        except InputError as error:
            bad.append(SkippedFile(str(path), str(error)))
            continue
        gray = bool((pixels == pixels[..., :1]).all())
        good.append(Picture(path, label, hashlib.sha256(data).hexdigest(), pixels.shape[:2], gray))
    return good, bad


def _read(path: Path) -> bytes:
    with open_file(path) as file:
        return file.read()


def _decode(data: bytes, path: Path) -> np.ndarray:
    # Whole numbers already: decoding is 8 bits a channel.
    return decode_image(data, str(path)).astype(np.uint8)
