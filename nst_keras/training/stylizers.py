"""Training of feed-forward stylizers: one compiled step, an average of the weights, exact states."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.training.classification import NonFiniteLossError
from nst_keras.training.perceptual_loss import PerceptualLoss
from nst_keras.training.stylizer_settings import StylizerSettings


class StylizerTrainer:
    """A stylizer with its loss, optimiser, average of weights and compiled step.

    Attributes:
        model: What is trained.
        average: The average of its weights, which is what is kept.
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
        """Builds optimiser and average.

        Args:
            model: As `models.multi_style` builds it, made within the strategy's scope if there is one.
            loss: With a target for each of the model's styles.
            settings: How to train.
            strategy: Over several devices or workers; each computes its part of every batch.
            first_trained_style: Above 0, only the scales and offsets of the styles from this one on are
                trained, and all other weights stay what they are.
        """
        self.model, self.loss, self.settings = model, loss, settings
        self._strategy = strategy or tf.distribute.get_strategy()
        self._first_style = first_trained_style
        with self._strategy.scope():
            self.average = keras.models.clone_model(model)
            self.average.set_weights(model.get_weights())
            self._variables = [
                variable
                for variable in model.trainable_variables
                if not first_trained_style or variable.name in ("gamma", "beta")
            ]
            self._optimizer = keras.optimizers.Adam(_course(settings))
            self._optimizer.build(self._variables)

    @property
    def num_styles(self) -> int:
        """Styles of the model."""
        return int(self.model.input["style_weights"].shape[-1])

    def style_weights(self, step: int) -> np.ndarray:
        """The styles of a batch, one-hot [batch, num_styles]: each as often as any other."""
        count = self.num_styles - self._first_style
        first = step * self.settings.batch_size
        chosen = self._first_style + np.arange(first, first + self.settings.batch_size) % count
        return np.eye(self.num_styles, dtype=np.float32)[chosen]

    def step(self, contents: np.ndarray, styles: np.ndarray) -> np.ndarray:
        """Takes one step and returns the weighted terms of the loss before it, as `loss.term_names`.

        Args:
            contents: Photos, float32 [batch, h, w, 3] on 0..255, of all workers together.
            styles: float32 [batch, num_styles].

        Raises:
            NonFiniteLossError: If the loss isn't a finite number.
        """
        terms = self._step(self._share(contents), self._share(styles)).numpy()
        if not math.isfinite(terms.sum()):
            rate = self.settings.learning_rate
            raise NonFiniteLossError(f"the loss is {terms.sum()}: learning_rate={rate:g} is too high")
        return terms

    @tf.function(reduce_retracing=True)
    def _step(self, contents: Any, styles: Any) -> tf.Tensor:
        terms = self._strategy.run(self._replica_step, (contents, styles))
        taken = tf.cast(self._optimizer.iterations, tf.float32)
        # Less decay in the first steps, so that the start is soon forgotten (as in tf.train's average).
        decay = tf.minimum(self.settings.ema, (1 + taken) / (10 + taken))
        for average, variable in zip(self.average.weights, self.model.weights, strict=True):
            average.assign(decay * average.value + (1 - decay) * variable.value)
        return self._strategy.reduce("MEAN", terms, axis=None)

    def _replica_step(self, contents: tf.Tensor, styles: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            images = self.model({"image": contents, "style_weights": styles}, training=True)
            terms = self.loss(images, contents, styles)
            # Divided over all replicas, since the optimiser adds up their gradients.
            total = tf.reduce_sum(terms) / self._strategy.num_replicas_in_sync
        gradients = tape.gradient(total, self._variables)
        # Rows of styles that aren't in the batch get 0, and Adam's step for a row that always got 0 is 0.
        self._optimizer.apply(gradients, self._variables)
        return terms

    def _share(self, array: np.ndarray) -> Any:
        """Each replica's part of a batch.

        Raises:
            InputError: If the batch can't be divided.
        """
        replicas = self._strategy.num_replicas_in_sync
        if len(array) % replicas:
            raise InputError(
                f"batch_size must be a multiple of the {replicas} devices. Received: batch_size={len(array)}"
            )
        size = len(array) // replicas

        def part(context: tf.distribute.DistributedValues) -> tf.Tensor:
            first = context.replica_id_in_sync_group * size
            return tf.constant(array[first : first + size])

        return self._strategy.experimental_distribute_values_from_function(part)

    def stylize(self, image: np.ndarray, style: int) -> np.ndarray:
        """A picture float32 [h, w, 3] in a style, by the averaged weights."""
        weights = np.eye(self.num_styles, dtype=np.float32)[style : style + 1]
        return self._stylize(tf.constant(image[np.newaxis]), tf.constant(weights))[0].numpy()

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3]), tf.TensorSpec([1, None])])
    def _stylize(self, image: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        weights = tf.ensure_shape(weights, [1, self.num_styles])
        return self.average({"image": image, "style_weights": weights}, training=False)

    def state(self) -> list[np.ndarray]:
        """Every number that the next steps depend on."""
        return [np.asarray(variable) for variable in self._all_variables()]

    def set_state(self, arrays: Sequence[np.ndarray]) -> None:
        """Goes back to a state.

        Raises:
            InputError: If it is of another model.
        """
        try:
            for variable, array in zip(self._all_variables(), arrays, strict=True):
                variable.assign(array)
        except ValueError as error:
            raise InputError(f"the checkpoint doesn't fit the model, use --restart: {error}") from error

    def _all_variables(self) -> list[Any]:
        return [*self.model.weights, *self.average.weights, *self._optimizer.variables]


def _course(settings: StylizerSettings) -> keras.optimizers.schedules.LearningRateSchedule:
    warmup = round(settings.warmup * settings.num_steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else settings.learning_rate,
        decay_steps=max(1, settings.num_steps - warmup),
        warmup_target=settings.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
