"""Networks as ONNX files (onnx/onnx.proto), which many runtimes read; the reader is `onnx_graph`."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_OPSET, _IR_VERSION = 17, 8  # of 2022: what newer ones add isn't needed
_FLOAT, _INT64 = 1, 7  # types of tensors
_ATTRIBUTE_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_STRING, _ATTRIBUTE_INTS = 1, 2, 3, 7


class OnnxWriter:
    """A graph that grows node by node; tensors go by their names."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._tensors: list[bytes] = []
        self._inputs: list[bytes] = []

    def input(self, name: str, shape: Sequence[int | str]) -> str:
        """Adds a float32 input, whose open sides have names instead of numbers."""
        self._inputs.append(_field(11, _value(name, shape)))
        return name

    def constant(self, array: Any) -> str:
        """Adds a tensor: float32, or int64 if it is of whole numbers."""
        numbers = np.asarray(array)
        kind, stored = (_INT64, "<i8") if numbers.dtype.kind == "i" else (_FLOAT, "<f4")
        name = f"tensor{len(self._tensors)}"
        dims = b"".join(_field(1, side) for side in numbers.shape)
        raw = np.ascontiguousarray(numbers, stored).tobytes()
        self._tensors.append(_field(5, dims + _field(2, kind) + _field(8, name) + _field(9, raw)))
        return name

    def add(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        """Adds a node with one output, and returns its name."""
        output = f"{op_type}{len(self._nodes)}"
        parts = [*(_field(1, name) for name in inputs), _field(2, output), _field(4, op_type)]
        parts += [_field(5, _attribute(name, value)) for name, value in attributes.items()]
        self._nodes.append(_field(1, b"".join(parts)))
        return output

    def encoded(self, source: str, name: str, shape: Sequence[int | str], card: Mapping[str, str]) -> bytes:
        """The file's content, with one output, float32, under a name of its own, and metadata for readers."""
        self._nodes.append(_field(1, _field(1, source) + _field(2, name) + _field(4, "Identity")))
        ends = [*self._inputs, _field(12, _value(name, shape))]
        graph = b"".join([*self._nodes, _field(2, "network"), *self._tensors, *ends])
        metadata = [_field(14, _field(1, key) + _field(2, value)) for key, value in card.items()]
        opset = _field(8, _field(1, "") + _field(2, _OPSET))
        return b"".join([_field(1, _IR_VERSION), _field(2, "nst_keras"), _field(7, graph), opset, *metadata])


def _value(name: str, shape: Sequence[int | str]) -> bytes:
    """A ValueInfoProto."""
    dims = b"".join(_field(1, _field(1 if isinstance(side, int) else 2, side)) for side in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, _FLOAT) + _field(2, dims)))


def _attribute(name: str, value: Any) -> bytes:
    if isinstance(value, float):
        kind, stored = _ATTRIBUTE_FLOAT, _key(2, 5) + struct.pack("<f", value)
    elif isinstance(value, int):
        kind, stored = _ATTRIBUTE_INT, _field(3, value)
    elif isinstance(value, str):
        kind, stored = _ATTRIBUTE_STRING, _field(4, value)
    else:
        kind, stored = _ATTRIBUTE_INTS, b"".join(_field(8, int(number)) for number in value)
    return _field(1, name) + stored + _field(20, kind)


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _key(number, 0) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _key(number, 2) + _varint(len(data)) + data


def _key(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; negative numbers as their two's complement in 64 bits."""
    number &= 2**64 - 1
    data = bytearray()
    while number > 127:
        data.append(number & 127 | 128)
        number >>= 7
    return bytes([*data, number])
