"""Training of the decoder of an arbitrary-style network."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras.models.arbitrary_style import (
    CODE_LAYER,
    STYLE_LAYERS,
    assemble,
    build_decoder,
    build_encoder,
    style_statistics,
)
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.ops.instance_statistics import instance_statistics, renormalize
from nst_keras.stylizers.arbitrary.settings import ArbitraryStyleSettings
from nst_keras.stylizers.training.trainer import AveragedTrainer


class ArbitraryStyleTrainer(AveragedTrainer):
    """The decoder with its loss (Huang & Belongie 2017, section 5), optimiser, average and compiled step.

    The content loss is how far relu4_1 of the picture is from the normalised features that it was decoded
    from; the style loss, how far means and deviations of four layers are from the painting's. Each picture's
    is divided by the mean square of its target, which the paper doesn't do.

    `step` takes photos and a painting for each, float32 [batch, h, w, 3] on 0..255.

    Attributes:
        network: Encoder and averaged decoder as one model; see `models.arbitrary_style`.
    """

    settings: ArbitraryStyleSettings

    def __init__(
        self,
        weights: VGG19Weights,
        settings: ArbitraryStyleSettings,
        *,
        strategy: tf.distribute.Strategy | None = None,
        initial: keras.Model | None = None,
    ) -> None:
        """Builds network and optimiser.

        Args:
            weights: Of VGG-19.
            settings: How to train.
            strategy: Over several devices or workers; each computes its part of every batch.
            initial: A decoder of the same width to begin with, instead of a random one.
        """
        keras.utils.set_random_seed(settings.seed)
        with (strategy or tf.distribute.get_strategy()).scope():
            self._encoder, decoder = build_encoder(weights), build_decoder(width=settings.width)
            if initial:
                decoder.set_weights(initial.get_weights())
        rate = keras.optimizers.schedules.InverseTimeDecay(settings.learning_rate, 1, settings.decay)
        super().__init__(decoder, settings, [(rate, decoder.trainable_variables)], strategy=strategy)
        self.network = assemble(self._encoder, self.average)

    @property
    def term_names(self) -> tuple[str, ...]:
        """Names of the loss's terms, in the order in which `step` returns them."""
        return ("content", *(f"style/{name}" for name in STYLE_LAYERS))

    def _terms(self, contents: tf.Tensor, styles: tf.Tensor) -> tf.Tensor:
        wanted = {name: instance_statistics(found) for name, found in self._encoder(styles).items()}
        code = renormalize(self._encoder(contents)[CODE_LAYER], *wanted[CODE_LAYER])
        pictures = self.model(code, training=True)
        terms = self._losses(self._encoder(pictures), code, wanted)
        # On CPUs ReLU makes 0 of NaN, so that the losses wouldn't tell of it.
        return terms + 0.0 * tf.reduce_mean(pictures)

    def _losses(self, features: dict[str, tf.Tensor], code: tf.Tensor, wanted: dict[str, Any]) -> tf.Tensor:
        terms = [self.settings.content_weight * _relative_distance(features[CODE_LAYER], code)]
        for name in STYLE_LAYERS:
            # Means and deviations side by side, so that neither counts more for being smaller.
            found, target = (
                tf.concat(pair, -1) for pair in (instance_statistics(features[name]), wanted[name])
            )
            style = _relative_distance(found, target) / len(STYLE_LAYERS)
            terms.append(self.settings.style_weight * style)
        return tf.stack(terms)

    def stylize(
        self,
        image: np.ndarray,
        paintings: Sequence[np.ndarray],
        blend: Sequence[float] = (),
        strength: float = 1,
    ) -> np.ndarray:
        """A picture float32 [h, w, 3] in the style of one or more paintings, by the averaged weights."""
        mean, deviation = style_statistics(self._encoder, paintings, blend)
        amount = tf.fill([1, 1, 1, 1], float(strength))
        inputs = {"image": tf.constant(image[np.newaxis], tf.float32), "mean": mean, "deviation": deviation}
        return np.asarray(self.network({**inputs, "strength": amount}, training=False)[0])


def _relative_distance(values: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Mean over the batch; each picture's is relative to its own target, so that no painting counts more."""
    axes = list(range(1, targets.shape.rank))
    differences = tf.reduce_mean(tf.math.squared_difference(values, targets), axes)
    # Features of a flat picture can be all zero.
    return tf.reduce_mean(differences / tf.maximum(tf.reduce_mean(tf.square(targets), axes), 1e-3))
