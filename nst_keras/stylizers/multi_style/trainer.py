"""Training of feed-forward stylizers of several styles."""

from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras.runs.averaging import warm_cosine
from nst_keras.stylizers.multi_style.settings import StylizerSettings
from nst_keras.stylizers.training.perceptual_loss import PerceptualLoss
from nst_keras.stylizers.training.trainer import AveragedTrainer


class StylizerTrainer(AveragedTrainer):
    """A stylizer with its loss, optimisers, average of weights and compiled step.

    Attributes:
        loss: What is minimised.
    """

    def __init__(
        self,
        model: keras.Model,
        loss: PerceptualLoss,
        settings: StylizerSettings,
        *,
        strategy: tf.distribute.Strategy | None = None,
        first_trained_style: int = 0,
    ) -> None:
        """Builds optimisers and average.

        Args:
            model: As `models.multi_style` builds it, made within the strategy's scope if there is one.
            loss: With a target for each of the model's styles.
            settings: How to train.
            strategy: Over several devices or workers; each computes its part of every batch.
            first_trained_style: Above 0, only the scales and offsets of the styles from this one on are
                trained, and all other weights stay what they are.
        """
        styles: list[Any] = []
        network: list[Any] = []
        for variable in model.trainable_variables:
            (styles if variable.name in ("gamma", "beta") else network).append(variable)
        course = partial(warm_cosine, num_steps=settings.num_steps, warmup=settings.warmup)
        groups = [(course(settings.learning_rate * settings.style_rate), styles)]
        if not first_trained_style:
            groups.append((course(settings.learning_rate), network))
        super().__init__(model, settings, groups, strategy=strategy)
        self.loss, self._first_style = loss, first_trained_style

    @property
    def num_styles(self) -> int:
        """Styles of the model."""
        return int(self.model.input["style_weights"].shape[-1])

    @property
    def term_names(self) -> tuple[str, ...]:
        """Names of the loss's terms, in the order in which `step` returns them."""
        return self.loss.terms.names

    def style_weights(self, step: int) -> np.ndarray:
        """The styles of a batch, one-hot [batch, num_styles]: each as often as any other."""
        count = self.num_styles - self._first_style
        first = step * self.settings.batch_size
        chosen = self._first_style + np.arange(first, first + self.settings.batch_size) % count
        return np.eye(self.num_styles, dtype=np.float32)[chosen]

    def _terms(self, contents: tf.Tensor, styles: tf.Tensor) -> tf.Tensor:
        images = self.model({"image": contents, "style_weights": styles}, training=True)
        return tf.stack(list(self.loss(images, contents, styles).values()))

    def stylize(self, image: np.ndarray, style: int) -> np.ndarray:
        """A picture float32 [h, w, 3] in a style, by the averaged weights."""
        weights = np.eye(self.num_styles, dtype=np.float32)[style : style + 1]
        return self._stylize(tf.constant(image[np.newaxis]), tf.constant(weights))[0].numpy()

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3]), tf.TensorSpec([1, None])])
    def _stylize(self, image: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        weights = tf.ensure_shape(weights, [1, self.num_styles])
        return self.average({"image": image, "style_weights": weights}, training=False)
