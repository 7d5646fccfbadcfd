"""Judges of painted pictures: how far they are from a painting's style and from the photo.

Distances are relative: 0 is equal, 1 as far as no features at all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from nst_keras.losses.gram import gram_matrix, mean_squared_difference
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.stylizers.training.perceptual_loss import PerceptualLoss
from nst_keras.transfer.settings import StyleTransferSettings


@dataclass(frozen=True)
class Distances:
    """How far a picture is from a painting's style and from a photo."""

    style: float
    content: float


class OptimizerJudge:
    """The losses that the optimiser minimises: VGG-19, its default layers."""

    def __init__(self, weights: VGG19Weights, paintings: Sequence[np.ndarray]) -> None:
        """Measures the paintings, float32 [h, w, 3] on 0..255."""
        settings = replace(StyleTransferSettings(), content_weight=1.0, style_weight=1.0)
        self._loss = PerceptualLoss(weights, settings, paintings)
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


class FeatureJudge:
    """The same by any network: style by Gram matrices of its layers, content by the features of one."""

    def __init__(
        self,
        features: Callable[[tf.Tensor], Sequence[tf.Tensor]],
        content_layer: int,
        paintings: Sequence[np.ndarray],
    ) -> None:
        """Measures the paintings.

        Args:
            features: From pictures [1, h, w, 3] on 0..255 to some layers' features.
            content_layer: Number of the layer that content is compared on.
            paintings: float32 [h, w, 3] on 0..255.
        """
        self._features = tf.function(features, input_signature=[tf.TensorSpec([1, None, None, 3])])
        self._content = content_layer
        self._targets = [
            [gram_matrix(layer) for layer in self._features(_batch(painting))] for painting in paintings
        ]

    def __call__(self, picture: np.ndarray, photo: np.ndarray, painting: int) -> Distances:
        """Judges a picture and the photo that it was made of, [h, w, 3] on 0..255."""
        found, wanted = (self._features(_batch(image)) for image in (picture, photo))
        styles = [
            mean_squared_difference(gram_matrix(layer), target, relative=True)
            for layer, target in zip(found, self._targets[painting], strict=True)
        ]
        content = mean_squared_difference(found[self._content], wanted[self._content], relative=True)
        return Distances(float(tf.reduce_mean(styles)), float(content))


def _batch(image: np.ndarray) -> tf.Tensor:
    return tf.constant(image[np.newaxis], tf.float32)
