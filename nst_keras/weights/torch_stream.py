"""Tensors in a stream of `torch.save` as it was before PyTorch 1.6, read without PyTorch.

Five pickles (magic number, protocol, system, `{name: tensor}`, storage keys), then for each key its element
count as int64 and its raw elements, all little-endian. The unpickler can name nothing but tensors: code in a
pickle is refused.
"""

import io
import math
import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nst_keras.errors import InputError

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001

_STORAGES = {"ByteStorage": "|u1", "FloatStorage": "<f4", "LongStorage": "<i8"}  # to NumPy's names


@dataclass(frozen=True)
class _Storage:
    dtype: str
    key: str
    count: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    shape: tuple[int, ...]
    order: tuple[int, ...]  # of the axes, as they lie in the storage

    def array(self, contents: np.ndarray) -> np.ndarray:
        stored = contents.reshape([self.shape[axis] for axis in self.order])
        return stored.transpose(np.argsort(self.order))


def decode_torch_stream(data: bytes, name: str) -> dict[str, np.ndarray]:
    """Decodes a stream, which messages call `name`, to arrays by name that are views of the bytes."""
    stream = io.BytesIO(data)
    try:
        magic, protocol = (_TensorUnpickler(stream).load() for _ in range(2))
        if (magic, protocol) != (_MAGIC, _PROTOCOL):
            raise pickle.UnpicklingError("it does not start with torch's magic number")
        _system, tensors, keys = (_TensorUnpickler(stream).load() for _ in range(3))
        storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
        contents = _decode_storages(data, stream.tell(), keys, storages)
        return {n: tensor.array(contents[tensor.storage.key]) for n, tensor in tensors.items()}
    # A damaged pickle may end in nearly any of Python's errors.
    except Exception as error:
        raise InputError(f"{name}: is not a readable torch stream: {error}") from error


class _TensorUnpickler(pickle.Unpickler):
    """Knows tensors by the few names below and raises on any other."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is refused")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _location, count, _view = pid
        if kind != "storage" or dtype not in _STORAGES.values():
            raise pickle.UnpicklingError("it refers to something that is not a storage")
        return _Storage(dtype, str(key), int(count))


def _rebuild_tensor(
    storage: Any, offset: int, shape: Any, stride: Any, _requires_grad: bool, _hooks: Any
) -> _Tensor:
    """Stands in for torch's function of this name; takes whole tensors only, their axes in any order."""
    shape, stride = tuple(map(int, shape)), tuple(map(int, stride))
    if not isinstance(storage, _Storage) or offset != 0 or min(shape, default=1) < 1:
        raise pickle.UnpicklingError("it holds a part of a tensor")
    if math.prod(shape) != storage.count:
        raise pickle.UnpicklingError(f"a tensor of shape {shape} has {storage.count} elements")
    order = tuple(sorted(range(len(shape)), key=lambda axis: -stride[axis]))
    length = 1
    for axis in reversed(order):
        # The strides of sides of length 1 mean nothing.
        if shape[axis] > 1 and stride[axis] != length:
            raise pickle.UnpicklingError("it holds a tensor with gaps")
        length *= shape[axis]
    return _Tensor(storage, shape, order)


def _decode_storages(
    data: bytes, position: int, keys: list[str], storages: Mapping[str, _Storage]
) -> dict[str, np.ndarray]:
    contents = {}
    for key in keys:
        storage = storages[key]
        (count,) = struct.unpack_from("<q", data, position)
        if count != storage.count:
            raise ValueError(f"a storage has {count} elements instead of {storage.count}")
        # Raises if the stream ends too soon, before anything is allocated.
        contents[key] = np.frombuffer(data, storage.dtype, count, position + 8)
        position += 8 + contents[key].nbytes
    return contents
