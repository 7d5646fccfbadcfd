"""The weights of convolutions in ONNX files, in 32 bits or quantised to 8.

ONNX is Protocol Buffers (onnx/onnx.proto). Of a model this reads the graph's tensors that are stored as raw
bytes, as weights are, and its nodes with their whole-number attributes; nothing else is looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from nst_keras.errors import InputError

# Numbers of fields and of types, after onnx.proto.
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER = 1, 5
_NODE_INPUT, _NODE_OUTPUT, _NODE_OP_TYPE, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_INT = 1, 3
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 8, 9
_TYPES = {1: "<f4", 2: "u1", 3: "i1", 6: "<i4", 7: "<i8"}

_Field: TypeAlias = tuple[int, int | memoryview]


class Convolution(NamedTuple):
    """float32 [out, in, h, w], where depthwise ones have in = 1, and [out], zeros if there is no bias."""

    kernel: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class _Node:
    op_type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, int]


@dataclass(frozen=True)
class OnnxGraph:
    """Tensors by name, and the nodes that use them."""

    tensors: dict[str, np.ndarray]
    nodes: tuple[_Node, ...]


def read_onnx(data: bytes, name: str) -> OnnxGraph:
    """Reads the content of an ONNX file, which messages call `name`; tensors must lie in the file itself.

    Raises:
        InputError: If it isn't such a file, or is damaged.
    """
    try:
        graphs = [_bytes(value) for field, value in _fields(memoryview(data)) if field == _MODEL_GRAPH]
        if len(graphs) != 1:
            raise ValueError(f"it has {len(graphs)} graphs")
        fields = list(_fields(graphs[0]))
        stored = [list(_fields(_bytes(value))) for field, value in fields if field == _GRAPH_INITIALIZER]
        tensors = dict(_tensor(tensor) for tensor in stored if any(key == _TENSOR_RAW for key, _ in tensor))
        nodes = tuple(_node(_bytes(value)) for field, value in fields if field == _GRAPH_NODE)
    except (ValueError, IndexError, KeyError) as error:
        raise InputError(f"{name}: is not a readable ONNX file: {error}") from error
    return OnnxGraph(tensors, nodes)


def convolutions(graph: OnnxGraph, name: str) -> dict[str, Convolution]:
    """The weights of each convolution by the name of its kernel's tensor.

    Quantised ones are what comes out of DequantizeLinear; how activations are quantised isn't looked at.
    Edges are followed, since converters share equal tensors: a bias may have any name.

    Raises:
        InputError: If weights are computed in another way, with the name of the graph.
    """
    makers = {output: node for node in graph.nodes for output in node.outputs}
    found = {}
    try:
        for node in graph.nodes:
            if node.op_type == "Conv":
                kernel_name, kernel = _weights(graph, makers, node.inputs[1])
                bias = np.zeros(len(kernel), np.float32)
                if len(node.inputs) > 2:
                    bias = _weights(graph, makers, node.inputs[2])[1]
                found[kernel_name] = Convolution(kernel, bias)
    except (KeyError, IndexError, ValueError) as error:
        raise InputError(f"{name}: the weights of a convolution can't be followed: {error}") from error
    return found


def _weights(graph: OnnxGraph, makers: dict[str, _Node], name: str) -> tuple[str, np.ndarray]:
    """The name of the stored tensor, and its numbers as float32."""
    if name in graph.tensors:
        return name, graph.tensors[name].astype(np.float32)
    node = makers[name]
    if node.op_type != "DequantizeLinear":
        raise ValueError(f"{name} is made by {node.op_type}")
    stored, *of_steps = node.inputs
    quantized, scale, *zero = (graph.tensors[tensor] for tensor in (stored, *of_steps))
    shape = [1] * quantized.ndim
    if scale.size > 1:
        shape[node.attributes.get("axis", 1)] = -1
    steps = quantized.astype(np.float32)
    if zero:
        steps -= zero[0].astype(np.float32).reshape(shape)
    return stored, steps * scale.reshape(shape)


def _node(data: memoryview) -> _Node:
    fields = list(_fields(data))
    inputs, outputs, op_types = (
        tuple(str(_bytes(value), "utf-8") for field, value in fields if field == wanted)
        for wanted in (_NODE_INPUT, _NODE_OUTPUT, _NODE_OP_TYPE)
    )
    attributes = {}
    for field, value in fields:
        if field == _NODE_ATTRIBUTE:
            parts = dict(_fields(_bytes(value)))
            if isinstance(number := parts.get(_ATTRIBUTE_INT), int):
                attributes[str(_bytes(parts[_ATTRIBUTE_NAME]), "utf-8")] = number
    return _Node("".join(op_types), inputs, outputs, attributes)


def _tensor(fields: list[_Field]) -> tuple[str, np.ndarray]:
    dims = [number for field, value in fields if field == _TENSOR_DIMS for number in _numbers(value)]
    last = dict(fields)
    name, kind = str(_bytes(last[_TENSOR_NAME]), "utf-8"), last[_TENSOR_TYPE]
    if kind not in _TYPES:
        raise ValueError(f"{name} has the type {kind}")
    array = np.frombuffer(_bytes(last[_TENSOR_RAW]), _TYPES[kind])
    return name, array.reshape(dims)


def _fields(data: memoryview) -> Iterator[_Field]:
    """Numbers and values of a message's fields, in their order."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        wire = key & 7
        if wire == 0:
            value, position = _varint(data, position)
            yield key >> 3, value
            continue
        if wire == 2:
            length, position = _varint(data, position)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"there is no wire type {wire}")
        if position + length > len(data):
            raise ValueError("it ends in the middle")
        yield key >> 3, data[position : position + length]
        position += length


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 64, 7):
        byte = data[position]
        position += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, position
    raise ValueError("a number has no end")


def _numbers(value: int | memoryview) -> list[int]:
    """A repeated number, packed or not."""
    if isinstance(value, int):
        return [value]
    numbers, position = [], 0
    while position < len(value):
        number, position = _varint(value, position)
        numbers.append(number)
    return numbers


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number stands where a message must be")
    return value
