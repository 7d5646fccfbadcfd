"""The optimiser's loss for batches of pictures, each in a style of its own."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from nst_keras.losses.content import content_loss
from nst_keras.losses.gram import gram_matrix
from nst_keras.losses.style import style_loss
from nst_keras.losses.total_variation import total_variation
from nst_keras.models.vgg19 import deepest_layer, feature_extractor, vgg19
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.ops.preprocessing import preprocess
from nst_keras.transfer.settings import StyleTransferSettings


class PerceptualLoss:
    """Content, style and total variation losses of a batch (Johnson et al. 2016, arXiv:1603.08155).

    Attributes:
        term_names: Names of the terms, in the order in which a call returns them.
        mean_pixel: The loss network's mean colour, RGB on 0..255.
    """

    def __init__(
        self, weights: VGG19Weights, settings: StyleTransferSettings, styles: Sequence[np.ndarray]
    ) -> None:
        """Builds the loss network and measures the styles.

        Args:
            weights: Of VGG-19.
            settings: Layers, weights and kind of the losses; the rest isn't used.
            styles: Paintings, float32 [h, w, 3] on 0..255, at the size whose strokes are wanted.
        """
        self._content_weights, self._style_weights = settings.content_terms(), settings.style_terms()
        names = list(dict.fromkeys([*self._content_weights, *self._style_weights]))
        network = vgg19(weights, deepest=deepest_layer(names), pooling=settings.pooling, edges=settings.edges)
        self.mean_pixel = weights.mean_pixel
        self._features = feature_extractor(network, names)
        self._content_features = feature_extractor(network, list(self._content_weights))
        self._tv_weight, self._relative = settings.tv_weight, settings.relative_losses
        grams = [self._grams(tf.constant(style[np.newaxis])) for style in styles]
        self._targets = {name: tf.concat([gram[name] for gram in grams], 0) for name in self._style_weights}
        self.term_names = (
            *(f"content/{name}" for name in self._content_weights),
            *(f"style/{name}" for name in self._style_weights),
            "total_variation",
        )

    def __call__(self, images: tf.Tensor, contents: tf.Tensor, styles: tf.Tensor) -> tf.Tensor:
        """Returns the weighted terms, float32 [len(term_names)], means over the batch.

        Args:
            images: What the stylizer made, float32 [batch, h, w, 3] on 0..255.
            contents: What it was given, likewise.
            styles: Weights of the styles, float32 [batch, num_styles], that add up to 1.
        """
        features = self._features(preprocess(images, self.mean_pixel))
        wanted = self._content_features(preprocess(contents, self.mean_pixel))
        targets = {name: tf.tensordot(styles, target, 1) for name, target in self._targets.items()}
        terms = [
            weight * self._mean(content_loss, features[name], wanted[name])
            for name, weight in self._content_weights.items()
        ]
        terms += [
            weight * self._mean(style_loss, features[name], targets[name])
            for name, weight in self._style_weights.items()
        ]
        return tf.stack([*terms, self._tv_weight * total_variation(images)])

    def _mean(self, loss, features: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:  # type: ignore[no-untyped-def]
        """Over the batch, of losses picture by picture: a relative one is relative to its own target."""
        losses = [
            loss(features[i : i + 1], targets[i : i + 1], relative=self._relative)
            for i in range(features.shape[0])
        ]
        return tf.add_n(losses) / len(losses)

    def _grams(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        features = self._features(preprocess(image, self.mean_pixel))
        return {name: gram_matrix(features[name]) for name in self._style_weights}
