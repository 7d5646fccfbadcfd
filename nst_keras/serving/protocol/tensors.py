"""Tensors as NumPy arrays and as protocol messages, both ways, without TensorFlow.

Strings are arrays of objects of type bytes. Types that NumPy doesn't have, such as bfloat16, aren't known.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nst_keras.serving.protocol.protos import tensor_pb2, types_pb2
from nst_keras.serving.protocol.status_codes import ServingError, invalid

# TensorFlow's type: NumPy's, and the field for single values (tensorflow/core/framework/tensor.proto).
_TYPES = {
    types_pb2.DT_FLOAT: (np.float32, "float_val"),
    types_pb2.DT_DOUBLE: (np.float64, "double_val"),
    types_pb2.DT_HALF: (np.float16, "half_val"),
    types_pb2.DT_INT8: (np.int8, "int_val"),
    types_pb2.DT_INT16: (np.int16, "int_val"),
    types_pb2.DT_INT32: (np.int32, "int_val"),
    types_pb2.DT_INT64: (np.int64, "int64_val"),
    types_pb2.DT_UINT8: (np.uint8, "int_val"),
    types_pb2.DT_UINT16: (np.uint16, "int_val"),
    types_pb2.DT_UINT32: (np.uint32, "uint32_val"),
    types_pb2.DT_UINT64: (np.uint64, "uint64_val"),
    types_pb2.DT_BOOL: (np.bool_, "bool_val"),
    types_pb2.DT_STRING: (np.object_, "string_val"),
}
_FIELDS = {"int_val": np.int32, "half_val": np.int32}  # wider than some of the types they stand for
# Of these, what a message has of many values one by one is the numbers themselves, as they lie in memory.
_AS_IN_MEMORY = tuple(map(np.dtype, (np.float32, np.float64, np.bool_)))
_LENGTH_DELIMITED = 2  # protobuf's wire type
_NUMBERS = {np.dtype(numpy): number for number, (numpy, _) in _TYPES.items()}


@dataclass(frozen=True)
class TensorSpec:
    """What a signature says about an input or output: NumPy's type (object for bytes), and sizes.

    A size is None where any will do, and the shape None if the rank is unknown.
    """

    dtype: np.dtype
    shape: tuple[int | None, ...] | None

    def accepts(self, shape: Sequence[int]) -> bool:
        """Whether an array of this shape fits."""
        if self.shape is None:
            return True
        pairs = zip(self.shape, shape, strict=False)
        return len(shape) == len(self.shape) and all(want in (None, size) for want, size in pairs)

    def __str__(self) -> str:
        """As in messages: float32 [?, 3]."""
        name = "string" if self.dtype == object else self.dtype.name
        if self.shape is None:
            return f"{name} of any shape"
        return f"{name} [{', '.join('?' if size is None else str(size) for size in self.shape)}]"


def numpy_type(number: int) -> np.dtype:
    """NumPy's type for a number of TensorFlow's DataType."""
    if number not in _TYPES:
        name = types_pb2.DataType.Name(number) if number in types_pb2.DataType.values() else number
        raise ServingError("UNIMPLEMENTED", f"tensors of type {name} aren't supported")
    return np.dtype(_TYPES[number][0])


def to_proto(array: np.ndarray, *, packed: bool = True) -> "tensor_pb2.TensorProto":
    """Returns an array as a message: numbers packed, or each in its type's field, as `float_val`."""
    array = np.asarray(array)
    if array.dtype not in _NUMBERS:
        raise ServingError("UNIMPLEMENTED", f"tensors of type {array.dtype} aren't supported")
    message = tensor_pb2.TensorProto(dtype=_NUMBERS[array.dtype])
    message.tensor_shape.SetInParent()
    for size in array.shape:
        message.tensor_shape.dim.add(size=size)
    if array.dtype == object:
        message.string_val.extend(array.ravel().tolist())
    elif packed:
        message.tensor_content = _little_endian(array)
    else:
        _fill_field(message, array)
    return message


def from_proto(message: "tensor_pb2.TensorProto", *, most_bytes: int | None = None) -> np.ndarray:
    """Returns a message, with values packed, one by one, or only the first of many equal ones, as an array.

    What would become larger than `most_bytes` is refused: a small message can stand for a huge tensor.
    """
    dtype = numpy_type(message.dtype)
    if message.tensor_shape.unknown_rank:
        raise invalid("a tensor must have a shape")
    shape = tuple(dim.size for dim in message.tensor_shape.dim)
    if min(shape, default=0) < 0:
        raise invalid(f"a tensor's sizes must be at least 0. Received: {shape}")
    count = math.prod(shape)
    if most_bytes is not None and count * dtype.itemsize > most_bytes:
        problem = f"a tensor must have at most {most_bytes} bytes. Received: shape {shape}"
        raise ServingError("RESOURCE_EXHAUSTED", problem)
    if message.tensor_content and dtype.kind == "O":
        values = _packed_strings(message.tensor_content, count)
    elif message.tensor_content:
        if len(message.tensor_content) % dtype.itemsize:
            raise invalid(f"a tensor's bytes must be whole {dtype} numbers")
        values = np.frombuffer(message.tensor_content, dtype.newbyteorder("<")).astype(dtype, copy=False)
    else:
        values = _single_values(message, dtype, count)
    if values.size != count:
        raise invalid(f"a tensor of shape {list(shape)} can't hold {values.size} values")
    return values.reshape(shape)


def _little_endian(array: np.ndarray) -> bytes:
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def _fill_field(message: "tensor_pb2.TensorProto", array: np.ndarray) -> None:
    name = _TYPES[message.dtype][1]
    if array.dtype in _AS_IN_MEMORY:
        # Ten times as fast as protobuf takes a list.
        data, number = _little_endian(array), message.DESCRIPTOR.fields_by_name[name].number
        message.MergeFromString(_varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(data)) + data)
    else:
        numbers = array.view(np.uint16) if array.dtype == np.float16 else array
        getattr(message, name).extend(numbers.ravel().tolist())


def _varint(number: int) -> bytes:
    """A number as protobuf writes it: 7 bits a byte, the lowest first."""
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)


def _packed_strings(content: bytes, count: int) -> np.ndarray:
    """Strings as TensorFlow packs them: all lengths, then all characters."""
    lengths, place = list[int](), 0
    while len(lengths) < count:
        end = next((n for n in range(place, min(place + 10, len(content))) if content[n] < 0x80), None)
        if end is None:
            raise invalid(f"a tensor's bytes can't hold {count} strings")
        lengths.append(sum((content[n] & 0x7F) << 7 * (n - place) for n in range(place, end + 1)))
        place = end + 1
    if place + sum(lengths) != len(content):
        raise invalid(f"a tensor's bytes must hold {count} strings and nothing else")
    values = np.empty(count, dtype=object)
    for index, length in enumerate(lengths):
        values[index] = content[place : place + length]
        place += length
    return values


def _single_values(message: "tensor_pb2.TensorProto", dtype: np.dtype, count: int) -> np.ndarray:
    field = _TYPES[message.dtype][1]
    stored = np.array(getattr(message, field), dtype=_FIELDS.get(field, dtype))
    # Half floats come as their bits.
    values = stored.astype(np.uint16).view(dtype) if dtype == np.float16 else stored.astype(dtype)
    if dtype.kind in "iu" and np.any(values != stored):
        raise invalid(f"a value doesn't fit into {dtype}")
    if values.size >= count:
        return values
    # As in TensorFlow, the last value stands for all that follow; without any, zero or the empty string does.
    last = values[-1:] if values.size else np.array([b"" if dtype.kind == "O" else 0], dtype)
    return np.concatenate([values, np.repeat(last, count - values.size)])
