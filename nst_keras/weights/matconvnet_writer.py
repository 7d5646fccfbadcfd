"""Writes VGG-19 as a MatConvNet file, in the layouts that `matconvnet` reads.

Programs made for the published files go by position as well as by name, so the order of the fields
is that of those files.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from nst_keras.errors import require_choice
from nst_keras.models.vgg19_layout import LAYER_NAMES, MAT_LAYOUTS, VGG19Weights
from nst_keras.storage.files import write_whole

_IMAGE_SIZE = 224


def write_mat(path: str | Path, weights: VGG19Weights, layout: str = "beta17") -> None:
    """Writes weights as a MatConvNet file that programs made for the published one can read.

    The file ends with `pool5` and names no classes, as `VGG19Weights` holds neither. The mean pixel becomes
    `averageImage`, 224x224x3 in the layout "beta16" and 1x1x3 in "beta17".
    """
    require_choice("layout", layout, MAT_LAYOUTS)
    build = _beta16_layer if layout == "beta16" else _beta17_layer
    layers = _cell([build(name, weights) for name in LAYER_NAMES])
    mean = np.array(weights.mean_pixel, np.float32)
    size = {"imageSize": _row(_IMAGE_SIZE, _IMAGE_SIZE, 3)}
    options = {"border": _row(32, 32), "interpolation": "bicubic"}
    classes = {"name": _cell([]), "description": _cell([])}
    # Programs look for averageImage by its place: first in beta16, third in beta17.
    if layout == "beta16":
        image = np.tile(mean, (_IMAGE_SIZE, _IMAGE_SIZE, 1))
        normalization = {"averageImage": image, "keepAspect": 1.0} | size | options
        variables = {"layers": layers, "classes": classes, "normalization": normalization}
    else:
        image = mean.reshape(1, 1, 3)
        normalization = size | {"keepAspect": 1.0, "averageImage": image} | options
        meta = {"classes": classes, "normalization": normalization}
        variables = {"layers": layers, "meta": meta}
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, variables)
    write_whole(path, buffer.getvalue())


def _beta16_layer(name: str, weights: VGG19Weights) -> dict[str, Any]:
    if name.startswith("relu"):
        return {"type": "relu", "name": name}
    if name.startswith("pool"):
        return {"type": "pool", "name": name, "method": "max"} | _pooling()
    kernel, bias = weights.layers[name]
    return {
        "weights": _cell([kernel, bias.reshape(1, -1)]),
        "pad": _row(1, 1, 1, 1),
        "type": "conv",
        "name": name,
        "stride": _row(1, 1),
    }


def _beta17_layer(name: str, weights: VGG19Weights) -> dict[str, Any]:
    if name.startswith("relu"):
        return {"name": name, "type": "relu", "leak": 0.0, "weights": _cell([]), "precious": False}
    if name.startswith("pool"):
        end = {"weights": _cell([]), "precious": False, "opts": _cell([])}
        return {"name": name, "type": "pool", "method": "max"} | _pooling() | end
    kernel, bias = weights.layers[name]
    return {
        "name": name,
        "type": "conv",
        "weights": _cell([kernel, bias.reshape(-1, 1)]),
        "size": _row(*kernel.shape),
        "pad": _row(1, 1, 1, 1),
        "stride": _row(1, 1),
        "precious": False,
        "dilate": 1.0,
        "opts": _cell([]),
    }


def _pooling() -> dict[str, np.ndarray]:
    return {"pool": _row(2, 2), "stride": _row(2, 2), "pad": _row(0, 0, 0, 0)}


def _row(*values: int) -> np.ndarray:
    return np.array([values], np.float64)


def _cell(values: list[Any]) -> np.ndarray:
    """Returns what `savemat` writes as a 1xN cell array."""
    cell = np.empty((1, len(values)), object)
    for i, value in enumerate(values):
        cell[0, i] = value
    return cell
