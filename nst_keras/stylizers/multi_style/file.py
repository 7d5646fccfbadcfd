"""Trained stylizers of named styles as files: weights, the names of the styles and a model card."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np

from nst_keras.models.multi_style import multi_style
from nst_keras.storage.files import open_file
from nst_keras.stylizers.archive import MULTI_STYLE, read_archive, stylizer_errors, write_archive
from nst_keras.stylizers.shipped_stylizer import SHIPPED


@dataclass(frozen=True)
class Stylizer:
    """A trained network and what it knows.

    Attributes:
        model: As `models.multi_style.multi_style` builds it.
        styles: Names of the styles, in the order of the weights.
        width: Factor on its numbers of filters.
        card: Model card: where it comes from, what it can do, and licences; plain values.
    """

    model: keras.Model
    styles: tuple[str, ...]
    width: float
    card: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Hash of the weights."""
        return digest_of(self.model)


def write_stylizer(path: str | Path, stylizer: Stylizer) -> None:
    """Writes a stylizer whole; weights are rounded to 16 bits, which no eye sees in the pictures.

    Raises:
        InputError: If the file can't be written.
    """
    header = {"styles": list(stylizer.styles), "width": stylizer.width, "card": stylizer.card}
    write_archive(path, MULTI_STYLE, header, weights_by_name(stylizer.model))


def load_stylizer(spec: str = "") -> Stylizer:
    """Reads a stylizer.

    Args:
        spec: Path of a file, or "" for the one that comes with the package.

    Raises:
        InputError: If it can't be read.
    """
    if spec:
        return read_stylizer(spec)
    with SHIPPED.open("rb") as file:
        return read_stylizer_stream(file, "the stylizer of the package")


def read_stylizer(path: str | Path) -> Stylizer:
    """Reads what `write_stylizer` wrote.

    Raises:
        InputError: If the file can't be read or isn't a stylizer of named styles.
    """
    with open_file(path) as file:
        return read_stylizer_stream(file, str(path))


def read_stylizer_stream(file: IO[bytes], name: str) -> Stylizer:
    """Does what `read_stylizer` does, from an open file; `name` stands for it in messages."""
    header, weights = read_archive(file, name, MULTI_STYLE)
    with stylizer_errors(name):
        styles, width = tuple(map(str, header["styles"])), float(header["width"])
        model = multi_style(len(styles), width=width)
        assign(model.weights, weights)
        return Stylizer(model, styles, width, header["card"])


def weights_by_name(model: keras.Model) -> dict[str, np.ndarray]:
    """A network's weights as files have them."""
    return {variable.path: np.asarray(variable) for variable in model.weights}


def assign(variables: Sequence[Any], weights: Mapping[str, np.ndarray]) -> None:
    """Puts weights from a file into a network's variables.

    Raises:
        KeyError: If one is missing.
        ValueError: If one has another shape.
    """
    for variable in variables:
        array = weights[variable.path]
        # Keras would say so too, but with all the numbers.
        if array.shape != tuple(variable.shape):
            raise ValueError(f"{variable.path} is {list(array.shape)} but must be {list(variable.shape)}")
        variable.assign(array)


def digest_of(model: keras.Model, *more: str) -> str:
    """Hash of a network's weights and of further words."""
    digest = hashlib.sha256()
    for variable in model.weights:
        digest.update(np.asarray(variable).tobytes())
    for word in more:
        digest.update(word.encode())
    return f"sha256:{digest.hexdigest()}"
