"""Tensors as JSON has them: nested lists, and {"b64": ...} for bytes.

Rules as in TensorFlow Serving's api_rest.md and json_tensor.cc: any string input may be base64-coded; a
string output is when its name ends in `_bytes`, and must be UTF-8 otherwise.
"""

import base64
import json
import reprlib
from typing import Any

import numpy as np

from nst_keras.serving.protocol.status_codes import ServingError, invalid
from nst_keras.serving.protocol.tensors import TensorSpec

BASE64 = "b64"
_READABLE = 10_000  # numbers that somebody may want to read
_SHORT_FLOATS = (np.dtype(np.float32), np.dtype(np.float16))
BINARY_SUFFIX = "_bytes"  # of the names of outputs that are base64-coded


class _Coded(str):
    """Text in base64, none of whose letters needs a backslash."""


def write_json(document: Any) -> str:
    """Returns what `json.dumps` does, but without its look at each letter of a picture's base64."""
    if isinstance(document, _Coded):
        return f'"{document}"'
    if isinstance(document, dict):
        entries = (f"{json.dumps(key)}: {write_json(value)}" for key, value in document.items())
        return "{" + ", ".join(entries) + "}"
    if isinstance(document, list) and document and isinstance(document[0], dict):
        return "[" + ", ".join(map(write_json, document)) + "]"
    return json.dumps(document)


def is_base64(value: Any) -> bool:
    """Whether a JSON value stands for bytes."""
    return isinstance(value, dict) and value.keys() == {BASE64} and isinstance(value[BASE64], str)


def decode_base64(text: str) -> bytes:
    """Decodes base64 as TensorFlow Serving does: white space is skipped, padding may be left out.

    Raises ValueError for what isn't base64, or is padded wrongly.
    """
    coded = b"".join(text.encode("ascii").split())
    bare = coded.rstrip(b"=")
    missing = -len(bare) % 4
    if len(coded) - len(bare) not in (0, missing):
        raise ValueError("Incorrect padding")
    return base64.b64decode(bare + b"=" * missing, validate=True)


def to_array(value: Any, spec: TensorSpec, name: str) -> np.ndarray:
    """Returns a JSON value, or nested lists of such, as an array of the type in `spec`, of any shape."""
    if spec.dtype == object:
        return _string_array(value, name)
    try:
        array = np.array(value)
    except ValueError as error:
        raise _invalid(f"{name} must be lists of equal lengths", value) from error
    allowed = {"f": "iuf", "i": "iu", "u": "iu", "b": "b"}[spec.dtype.kind]
    if array.size == 0:
        return array.astype(spec.dtype)
    if spec.dtype.kind in "iu" and array.dtype.kind in "fO":
        # NumPy makes floats or objects of whole numbers that no type of its own holds together.
        exact = np.array(value, dtype=object)
        array = exact if set(map(type, exact.flat)) == {int} else array
        allowed += "O" if array is exact else ""
    # NumPy takes true for 1 among numbers.
    if array.dtype.kind not in allowed or (allowed != "b" and _holds_bool(value)):
        raise _invalid(f"{name} must be of type {spec.dtype}", value)
    if spec.dtype.kind in "iu":
        limits = np.iinfo(spec.dtype)
        if int(array.min()) < limits.min or int(array.max()) > limits.max:
            raise _invalid(f"{name} must be within {limits.min} and {limits.max}", value)
    with np.errstate(over="ignore"):
        converted = array.astype(spec.dtype)
    if spec.dtype.kind == "f" and np.any(np.isinf(converted) & np.isfinite(array)):
        raise _invalid(f"{name} must fit into {spec.dtype}", value)
    return converted


def to_json(array: np.ndarray, name: str) -> Any:
    """Returns an array as a JSON value."""
    if array.dtype != object:
        return _numbers(array)
    if name.endswith(BINARY_SUFFIX):
        return to_binary_json(array)
    try:
        return _map(array.tolist(), bytes.decode)
    except UnicodeDecodeError as error:
        message = f"isn't UTF-8; only outputs whose names end in {BINARY_SUFFIX} may hold any bytes"
        raise ServingError("INTERNAL", f"output {name} {message}") from error


def to_binary_json(array: np.ndarray) -> Any:
    """Returns an array as a JSON value, with any strings base64-coded."""
    if array.dtype != object:
        return _numbers(array)
    return _map(array.tolist(), lambda data: {BASE64: _Coded(base64.b64encode(data), "ascii")})


def _numbers(array: np.ndarray) -> Any:
    # The float32 0.1 shall read 0.1, as TensorFlow Serving writes it, and not 0.10000000149011612. For a
    # picture's pixels, which nobody reads, that takes ten times as long and is left out.
    if array.dtype in _SHORT_FLOATS and array.size <= _READABLE:
        array = array.astype(str).astype(np.float64)
    return array.tolist()


def _string_array(value: Any, name: str) -> np.ndarray:
    shape, level = [], value
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None
    flat: list[bytes] = []
    _flatten(value, shape, flat, name)
    array = np.empty(len(flat), dtype=object)
    array[:] = flat
    return array.reshape(shape)


def _flatten(value: Any, shape: list[int], flat: list[bytes], name: str) -> None:
    if shape:
        if not isinstance(value, list) or len(value) != shape[0]:
            raise _invalid(f"{name} must be lists of equal lengths", value)
        for element in value:
            _flatten(element, shape[1:], flat, name)
    elif isinstance(value, str):
        try:
            flat.append(value.encode())
        except UnicodeEncodeError as error:  # half a surrogate pair
            raise _invalid(f"{name} must be text: {error.reason}", value) from error
    elif is_base64(value):
        try:
            flat.append(decode_base64(value[BASE64]))
        except ValueError as error:
            raise _invalid(f"{name}: Unable to base64 decode: {error}", value[BASE64]) from error
    else:
        raise _invalid(f"{name} must be of type string", value)


def _holds_bool(value: Any) -> bool:
    if not isinstance(value, list):
        return isinstance(value, bool)
    if value and isinstance(value[0], list):
        return any(map(_holds_bool, value))
    return bool in set(map(type, value))


def _map(value: Any, convert: Any) -> Any:
    return [_map(element, convert) for element in value] if isinstance(value, list) else convert(value)


def _invalid(message: str, value: Any) -> ServingError:
    return invalid(f"{message}. Received: {reprlib.repr(value)}")
