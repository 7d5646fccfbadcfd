"""Files of trained stylizers: 16-bit weights by name and a header; reading them loads no TensorFlow.

The header names the architecture; its format is the architecture's version.
"""

import contextlib
import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np

from nst_keras.errors import InputError
from nst_keras.storage.files import open_file, write_whole

ARCHITECTURES = MULTI_STYLE, ARBITRARY = ("multi_style", "arbitrary")

_FORMATS = {MULTI_STYLE: 3, ARBITRARY: 2}
_HEADER = "header"

# What damaged or foreign files raise when they are read or put into a network.
_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile)

Archive = tuple[dict[str, Any], dict[str, np.ndarray]]


def write_archive(
    path: str | os.PathLike[str],
    architecture: str,
    header: Mapping[str, Any],
    weights: Mapping[str, np.ndarray],
) -> None:
    """Writes a file whole; weights are rounded to 16 bits, which no eye sees in the pictures.

    Args:
        path: The file.
        architecture: One of `ARCHITECTURES`.
        header: Plain values.
        weights: float32 arrays by name.

    Raises:
        InputError: If the file can't be written.
    """
    whole = {**header, "format": _FORMATS[architecture], "architecture": architecture}
    arrays: dict[str, Any] = {name: array.astype(np.float16) for name, array in weights.items()}
    arrays[_HEADER] = json.dumps(whole, sort_keys=True)
    buffer = io.BytesIO()
    # Compressed, since half of the exponents' bits are the same.
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_whole(path, buffer.getvalue())


def read_archive(file: IO[bytes], name: str, architecture: str) -> Archive:
    """Reads header and weights; `name` stands for the file in messages.

    Raises:
        InputError: If it isn't a stylizer of that architecture.
    """
    with stylizer_errors(name), _open(io.BytesIO(file.read())) as archive:
        header = _read_header(archive, name)
        if header["architecture"] != architecture:
            kinds = {MULTI_STYLE: "a stylizer of named styles", ARBITRARY: "a stylizer of any painting"}
            raise InputError(f"{name}: must be {kinds[architecture]}; is {kinds[header['architecture']]}")
        return header, {key: archive[key].astype(np.float32) for key in archive if key != _HEADER}


def read_architecture(path: str | os.PathLike[str]) -> str:
    """Returns which of `ARCHITECTURES` a file holds; "" is the package's own, of named styles.

    Raises:
        InputError: If it can't be read or isn't a stylizer.
    """
    if not path:
        return MULTI_STYLE
    with (
        open_file(path) as file,
        stylizer_errors(str(path)),
        _open(file) as archive,
    ):
        return str(_read_header(archive, str(path))["architecture"])


def _open(file: IO[bytes]) -> Any:
    # NumPy would take it for a pickle, and advise to trust it.
    if not zipfile.is_zipfile(file):
        raise zipfile.BadZipFile("it is no .npz archive")
    file.seek(0)
    return np.load(file, allow_pickle=False)


@contextlib.contextmanager
def stylizer_errors(name: str) -> Iterator[None]:
    """Turns what a damaged or foreign file raises into an InputError that names it."""
    try:
        yield
    except _ERRORS as error:
        if isinstance(error, InputError) and str(error).startswith(f"{name}: "):
            raise
        raise InputError(f"{name}: isn't a stylizer, or is damaged: {error}") from error


def _read_header(archive: Mapping[str, np.ndarray], name: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(str(archive[_HEADER]))
    architecture = header.get("architecture", MULTI_STYLE)  # which format 1 didn't name
    if architecture not in ARCHITECTURES:
        raise InputError(f"{name}: has the unknown architecture {architecture}")
    if header["format"] != _FORMATS[architecture]:
        raise InputError(
            f"{name}: has format {header['format']}; this version reads {_FORMATS[architecture]}: "
            "train the stylizer anew, or use the version that wrote it"
        )
    return header
