"""Judges of painted pictures: how far they are from a painting's style and from the photo.

Distances are relative: 0 is equal, 1 as far as no features at all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from nst_keras.losses.settings import CONTENT, PICTURE, STYLE, LossSettings, image_of
from nst_keras.losses.terms import WeightedTerms
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.stylizers.training.perceptual_loss import PerceptualLoss

# Whatever the optimiser compares by default counts in full; a picture's smoothness is no distance.
_WEIGHTS: dict[str, Any] = {
    name: float(weight > 0 and image_of(name) != PICTURE) for name, weight in LossSettings().weights().items()
}


@dataclass(frozen=True)
class Distances:
    """How far a picture is from a painting's style and from a photo."""

    style: float
    content: float


class OptimizerJudge:
    """The losses that the optimiser minimises, VGG-19's default layers, to paintings [h, w, 3] on 0..255."""

    def __init__(self, weights: VGG19Weights, paintings: Sequence[np.ndarray]) -> None:
        self._loss = PerceptualLoss(weights, LossSettings(**_WEIGHTS), paintings)
        self._call = tf.function(
            self._loss, input_signature=[tf.TensorSpec([1, None, None, 3])] * 2 + [tf.TensorSpec([1, None])]
        )
        self._number = len(paintings)

    def __call__(self, picture: np.ndarray, photo: np.ndarray, painting: int) -> Distances:
        """Judges a picture and the photo that it was made of, [h, w, 3] on 0..255."""
        styles = tf.one_hot([painting], self._number)
        return _distances(self._loss.terms, self._call(_batch(picture), _batch(photo), styles))


class FeatureJudge:
    """The same by any network: style by all of its layers, content by the features of one.

    Args:
        features: From pictures [1, h, w, 3] on 0..255 to some layers' features.
        content_layer: Number of the layer that content is compared on.
        paintings: float32 [h, w, 3] on 0..255.
    """

    def __init__(
        self,
        features: Callable[[tf.Tensor], Sequence[tf.Tensor]],
        content_layer: int,
        paintings: Sequence[np.ndarray],
    ) -> None:
        self._features = tf.function(features, input_signature=[tf.TensorSpec([1, None, None, 3])])
        looks = [self._look(painting) for painting in paintings]
        layers = dict.fromkeys(looks[0], 1 / len(looks[0]))
        settings = LossSettings(**_WEIGHTS, content_layers={str(content_layer): 1.0}, style_layers=layers)
        self._terms = WeightedTerms(settings)
        self._targets = [self._terms.targets(STYLE, look) for look in looks]

    def __call__(self, picture: np.ndarray, photo: np.ndarray, painting: int) -> Distances:
        """Judges a picture and the photo that it was made of, [h, w, 3] on 0..255."""
        targets = self._targets[painting] | self._terms.targets(CONTENT, self._look(photo))
        return _distances(self._terms, self._terms(_batch(picture), self._look(picture), targets))

    def _look(self, image: np.ndarray) -> dict[str, tf.Tensor]:
        return {str(number): layer for number, layer in enumerate(self._features(_batch(image)))}


def _distances(terms: WeightedTerms, values: Mapping[str, tf.Tensor]) -> Distances:
    sums = {STYLE: 0.0, CONTENT: 0.0}
    for name, image in zip(terms.names, terms.images, strict=True):
        sums[image] += float(values[name])
    return Distances(**sums)


def _batch(image: np.ndarray) -> tf.Tensor:
    return tf.constant(image[np.newaxis], tf.float32)
