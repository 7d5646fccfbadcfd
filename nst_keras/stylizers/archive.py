"""Files of trained stylizers: 16-bit weights by name and a header; reading them loads no TensorFlow.

The header names the architecture; its format is the architecture's version.
"""

import contextlib
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from nst_keras.errors import InputError
from nst_keras.storage.checkpoint import DAMAGE
from nst_keras.storage.files import open_file, write_whole

if TYPE_CHECKING:
    import keras

T = TypeVar("T")

# The stylizer of the package, which "" stands for; its model card lies beside it.
SHIPPED = resources.files("nst_keras") / "stylizers" / "paintings.npz"

STYLIZER_FILE = "stylizer.npz"  # in the folder of a training

_HEADER = "header"

Archive = tuple[dict[str, Any], dict[str, np.ndarray]]


class Kind(NamedTuple):
    """What a header must begin with for an architecture's own code to read the file."""

    architecture: str
    format: int


def write_archive(
    path: str | os.PathLike[str], header: Mapping[str, Any], weights: Mapping[str, np.ndarray]
) -> None:
    """Writes a file whole: plain values, those of a `Kind` among them, and weights.

    The weights are rounded to 16 bits, which no eye sees in the pictures.
    """
    arrays: dict[str, Any] = {name: array.astype(np.float16) for name, array in weights.items()}
    arrays[_HEADER] = json.dumps(header, sort_keys=True)
    buffer = io.BytesIO()
    # Compressed, since half of the exponents' bits are the same.
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_whole(path, buffer.getvalue())


def read_archive(path: str | os.PathLike[str]) -> Archive:
    """Header and weights of a file, or of the stylizer of the package."""
    with _open(path) as archive:
        weights = {key: archive[key].astype(np.float32) for key in archive if key != _HEADER}
        return _header(archive), weights


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a file says of itself; the weights aren't read."""
    with _open(path) as archive:
        return _header(archive)


def read_as(
    kind: Kind, path: str | os.PathLike[str], build: Callable[[dict[str, Any], dict[str, np.ndarray]], T]
) -> T:
    """Builds a stylizer of header and weights of a file, which must be of that kind."""
    header, weights = read_archive(path)
    with _errors(path):
        found = Kind(header["architecture"], header["format"])
    if found.architecture != kind.architecture:
        raise InputError(f"{name_of(path)}: must be {kind.architecture}. Received: {found.architecture}")
    if found.format != kind.format:
        raise InputError(
            f"{name_of(path)}: has format {found.format}; this version reads {kind.format}: "
            "train the stylizer anew, or use the version that wrote it"
        )
    with _errors(path):
        return build(header, weights)


def name_of(path: str | os.PathLike[str]) -> str:
    """What messages call a stylizer."""
    return str(path) or "the package's stylizer"


def weights_by_name(model: "keras.Model") -> dict[str, np.ndarray]:
    """A network's weights as files have them."""
    return {variable.path: np.asarray(variable) for variable in model.weights}


def assign(variables: Sequence[Any], weights: Mapping[str, np.ndarray]) -> None:
    """Puts weights from a file into a network's variables."""
    for variable in variables:
        array = weights[variable.path]
        # Keras would say so too, but with all the numbers.
        if array.shape != tuple(variable.shape):
            raise ValueError(f"{variable.path} is {list(array.shape)} but must be {list(variable.shape)}")
        variable.assign(array)


def digest_of(weights: Iterable[Any], *more: str) -> str:
    """Hash of a network's weights, in variables or as `read_archive` gives them, and of further words."""
    digest = hashlib.sha256()
    for array in weights:
        digest.update(np.asarray(array).tobytes())
    for word in more:
        digest.update(word.encode())
    return f"sha256:{digest.hexdigest()}"


@contextlib.contextmanager
def _open(path: str | os.PathLike[str]) -> Iterator[Any]:
    with open_file(path) if path else SHIPPED.open("rb") as file, _errors(path):
        # NumPy would take it for a pickle, and advise to trust it.
        if not zipfile.is_zipfile(file):
            raise zipfile.BadZipFile("it is no .npz archive")
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            yield archive


@contextlib.contextmanager
def _errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns what a damaged or foreign file raises into an InputError that names it."""
    try:
        yield
    except DAMAGE as error:
        raise InputError(f"{name_of(path)}: isn't a stylizer, or is damaged: {error}") from error


def _header(archive: Mapping[str, np.ndarray]) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(str(archive[_HEADER]))
    # Which format 1 didn't name.
    return {"architecture": "multi_style", **header}
