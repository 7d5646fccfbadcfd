"""Reads VGG-19 from MatConvNet's files, `imagenet-vgg-verydeep-19.mat`, in both of their layouts.

`beta16` has the variables `layers`, `classes` and `normalization`; `beta17`, which later releases
of MatConvNet kept, has `layers` and `meta`. The order of the fields differs too, so fields are
looked up by name. Kernels are stored as [height, width, in, out] for RGB input, which is
TensorFlow's own order.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.errors import InputError, require_choice
from nst_keras.models.vgg19_layout import CONV_SHAPES, KERNEL_ORDERS, LAYER_NAMES, STORED, VGG19Weights
from nst_keras.weights.mat5 import read_mat5
from nst_keras.weights.vgg19_fingerprint import LICENCE, difference_from_vgg19

KNOWN_FILES = {
    "md5:8ee3263992981a1d26e73b3ca028a123": "imagenet-vgg-verydeep-19.mat of MatConvNet beta16",
    "md5:106118b7cf60435e6d8e04f6a6dc3657": "imagenet-vgg-verydeep-19.mat of MatConvNet beta17",
}

# The part of the network that VGG19Weights leaves out; it may be in a file or not.
_CLASSIFIER = ("fc6", "relu6", "fc7", "relu7", "fc8", "prob")


def read_mat(path: str | Path, kernel_order: str = STORED) -> VGG19Weights:
    """Reads the convolutional part of VGG-19 and its mean pixel from a MatConvNet file of either layout.

    Layers after `pool5` are ignored. The order "stored" takes the kernels as they are, which is right.
    "transposed" swaps height and width as many programs did, so that the network sees pictures on their side;
    it is there to repeat what those programs made.
    """
    require_choice("kernel_order", kernel_order, KERNEL_ORDERS)
    variables, md5 = read_mat5(path, ("layers", "meta", "normalization"))
    digest = f"md5:{md5}"
    layers = _find_layers(variables, path)
    is_published = digest in KNOWN_FILES or difference_from_vgg19(layers) is None
    weights = VGG19Weights(
        layers=layers,
        mean_pixel=_find_mean_pixel(variables, path),
        source=KNOWN_FILES.get(digest, f"MatConvNet file {Path(path).name}"),
        digest=digest,
        licence=LICENCE if is_published else "unknown",
    )
    return order_kernels(weights, kernel_order)


def order_kernels(weights: VGG19Weights, kernel_order: str) -> VGG19Weights:
    """Returns the weights as they are for "stored", with swapped axes for "transposed"."""
    require_choice("kernel_order", kernel_order, KERNEL_ORDERS)
    if kernel_order == STORED:
        return weights
    layers = {
        name: (np.ascontiguousarray(kernel.transpose(1, 0, 2, 3)), bias)
        for name, (kernel, bias) in weights.layers.items()
    }
    return replace(weights, layers=layers, source=f"{weights.source}, kernels transposed")


def _find_layers(variables: dict[str, Any], path: str | Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    layers = variables.get("layers")
    weights = {
        layer["name"]: layer.get("weights")
        for layer in (layers if isinstance(layers, list) else [])
        if isinstance(layer, dict) and isinstance(layer.get("name"), str)
    }
    missing = [name for name in CONV_SHAPES if name not in weights]
    unexpected = [name for name in weights if name not in LAYER_NAMES + _CLASSIFIER]
    if missing:
        names = f"missing layers: {_list(missing)}; unexpected layers: {_list(unexpected)}"
        raise InputError(f"{path}: is not VGG-19; {names}")
    return {name: _check_layer(name, weights[name], path) for name in CONV_SHAPES}


def _check_layer(name: str, cell: Any, path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    shape = CONV_SHAPES[name]
    arrays = cell if isinstance(cell, list) else []
    received = [getattr(array, "shape", "no real numbers") for array in arrays]
    biases = ((1, shape[3]), (shape[3], 1))
    if len(received) != 2 or received[0] != shape or received[1] not in biases:
        expected = f"layer {name} must have a kernel {shape} and {shape[3]} biases"
        came = " and ".join(map(str, received[:3])) or "no weights"
        raise InputError(f"{path}: is not VGG-19; {expected}. Received: {came}")
    with np.errstate(over="ignore"):
        # Copies, since the arrays are views of the file.
        kernel, bias = (np.array(array, np.float32, order="C") for array in arrays)
    if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
        raise InputError(f"{path}: layer {name} holds values that are not finite")
    return kernel, bias.reshape(-1)


def _find_mean_pixel(variables: dict[str, Any], path: str | Path) -> tuple[float, float, float]:
    """Returns the RGB mean of `averageImage`, which is a picture or one pixel."""
    image: Any = variables.get("meta", variables)
    for field in ("normalization", "averageImage"):
        image = image.get(field) if isinstance(image, dict) else None
    if not isinstance(image, np.ndarray) or image.shape[2:] != (3,) or image.size == 0:
        expected = "normalization.averageImage must be a picture or a pixel of 3 colours"
        raise InputError(f"{path}: {expected}. Received: {getattr(image, 'shape', 'nothing')}")
    red, green, blue = map(float, image.mean(axis=(0, 1), dtype=np.float64))
    if not all(0 <= value <= 255 for value in (red, green, blue)):
        raise InputError(f"{path}: the mean pixel must lie in 0..255. Received: {(red, green, blue)}")
    return red, green, blue


def _list(names: Iterable[str]) -> str:
    """Returns names from a file for a message: printable, and not too many or too long."""
    names = [ascii(name[:40])[1:-1] for name in names]
    return ", ".join(names[:20] + ["..."] * (len(names) > 20)) or "none"
