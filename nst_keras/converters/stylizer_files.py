"""Trained stylizers as files: 16-bit weights with the names of the styles and a model card."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np

from nst_keras.errors import InputError
from nst_keras.io.files import open_file, write_whole
from nst_keras.io.shipped_stylizer import SHIPPED
from nst_keras.models.multi_style import multi_style

_FORMAT = 1

_ERRORS = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


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
        digest = hashlib.sha256()
        for variable in self.model.weights:
            digest.update(np.asarray(variable).tobytes())
        return f"sha256:{digest.hexdigest()}"


def write_stylizer(path: str | Path, stylizer: Stylizer) -> None:
    """Writes a stylizer whole; weights are rounded to 16 bits, which no eye sees in the pictures.

    Raises:
        InputError: If the file can't be written.
    """
    header = {
        "format": _FORMAT,
        "styles": list(stylizer.styles),
        "width": stylizer.width,
        "card": stylizer.card,
    }
    weights = {variable.path: np.asarray(variable).astype(np.float16) for variable in stylizer.model.weights}
    buffer = io.BytesIO()
    # Compressed, since half of the exponents' bits are the same.
    np.savez_compressed(buffer, allow_pickle=False, header=json.dumps(header, sort_keys=True), **weights)
    write_whole(path, buffer.getvalue())


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
        InputError: If the file can't be read or isn't a stylizer.
    """
    with open_file(path) as file:
        return read_stylizer_stream(file, str(path))


def read_stylizer_stream(file: IO[bytes], name: str) -> Stylizer:
    """Does what `read_stylizer` does, from an open file; `name` stands for it in messages."""
    try:
        with np.load(io.BytesIO(file.read()), allow_pickle=False) as archive:
            header = json.loads(str(archive["header"]))
            if header["format"] != _FORMAT:
                raise InputError(f"{name}: has format {header['format']}; this version reads {_FORMAT}")
            styles, width = tuple(map(str, header["styles"])), float(header["width"])
            model = multi_style(len(styles), width=width)
            _assign(model.weights, archive)
    except _ERRORS as error:
        raise InputError(f"{name}: isn't a stylizer, or is damaged: {error}") from error
    return Stylizer(model, styles, width, header["card"])


def _assign(variables: Sequence[Any], archive: Mapping[str, np.ndarray]) -> None:
    for variable in variables:
        variable.assign(archive[variable.path].astype(np.float32))
