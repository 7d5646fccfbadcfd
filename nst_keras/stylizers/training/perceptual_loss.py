"""The optimiser's loss for batches of pictures, each in a style of its own."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from nst_keras.losses.settings import CONTENT, STYLE, LossSettings
from nst_keras.losses.terms import WeightedTerms, blended, stacked
from nst_keras.models.vgg19 import feature_extractor, feature_network
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.ops.preprocessing import preprocess


class PerceptualLoss:
    """The losses of a batch with the network that looks at it (Johnson et al. 2016, arXiv:1603.08155).

    `styles` are paintings, float32 [h, w, 3] on 0..255, at the size whose strokes are wanted.
    """

    def __init__(self, weights: VGG19Weights, settings: LossSettings, styles: Sequence[np.ndarray]) -> None:
        self.terms, self.mean_pixel = WeightedTerms(settings), weights.mean_pixel
        self._features = feature_network(
            weights, settings.layers(), pooling=settings.pooling, edges=settings.edges
        )
        # Of contents no deeper features are computed than they are compared on.
        layers = settings.layers(CONTENT)
        self._content_features = feature_extractor(self._features, layers) if layers else lambda image: {}
        looks = [self._features(self._prepared(tf.constant(style[np.newaxis]))) for style in styles]
        self._styles = stacked([self.terms.targets(STYLE, features) for features in looks])

    def __call__(self, images: tf.Tensor, contents: tf.Tensor, styles: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the weighted terms by name, means over the batch.

        Args:
            images: What the stylizer made, float32 [batch, h, w, 3] on 0..255.
            contents: What it was given, likewise.
            styles: Weights of the styles, float32 [batch, num_styles], that add up to 1.
        """
        targets = self.terms.targets(CONTENT, self._content_features(self._prepared(contents)))
        targets |= blended(self._styles, styles)
        return self.terms(images, self._features(self._prepared(images)), targets)

    def _prepared(self, images: tf.Tensor) -> tf.Tensor:
        return preprocess(images, self.mean_pixel)
