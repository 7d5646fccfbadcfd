"""What all architectures share in training: a compiled step, averaged weights, exact states."""

import itertools
import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras.errors import InputError, NonFiniteLossError
from nst_keras.fields import MIXED_BFLOAT16
from nst_keras.ops.precision import bfloat16_products
from nst_keras.runs.averaging import update_average
from nst_keras.runs.trainer import Trainer
from nst_keras.stylizers.training.settings import AveragedSettings


class AveragedTrainer(Trainer):
    """A network with its optimisers (Adam), average of weights and compiled step.

    Args:
        model: Made within the strategy's scope if there is one.
        settings: Precision, decay of the average, and what messages tell.
        groups: Learning rates, or their courses, and the variables that are trained with them.
        strategy: Over several devices or workers; each computes its part of every batch.

    Attributes:
        average: The average of the model's weights, which is what is kept.
    """

    def __init__(
        self,
        model: keras.Model,
        settings: AveragedSettings,
        groups: Sequence[tuple[Any, Sequence[Any]]],
        *,
        strategy: tf.distribute.Strategy | None = None,
    ) -> None:
        self.model, self.settings = model, settings
        self._strategy = strategy or tf.distribute.get_strategy()
        with self._strategy.scope():
            self.average = keras.models.clone_model(model)
            self.average.set_weights(model.get_weights())
            self._optimizers = [(keras.optimizers.Adam(rate), group) for rate, group in groups]
            for optimizer, group in self._optimizers:
                optimizer.build(group)

    @property
    @abstractmethod
    def term_names(self) -> tuple[str, ...]:
        """Names of the loss's terms, in the order in which `step` returns them."""

    @abstractmethod
    def _terms(self, contents: tf.Tensor, styles: tf.Tensor) -> tf.Tensor:
        """The loss's weighted terms, float32 [len(term_names)], means over a replica's part of a batch."""

    def step(self, contents: np.ndarray, styles: np.ndarray) -> np.ndarray:
        """Takes one step and returns the weighted terms of the loss before it, as `term_names`.

        Args:
            contents: Photos, float32 [batch, h, w, 3] on 0..255, of all workers together.
            styles: What says in which style each is painted, [batch, ...].
        """
        with bfloat16_products(self.settings.precision == MIXED_BFLOAT16):
            terms: np.ndarray = self._step(self._share(contents), self._share(styles)).numpy()
        if not math.isfinite(terms.sum()):
            rate = self.settings.learning_rate
            raise NonFiniteLossError(f"the loss is {terms.sum()}: learning_rate={rate:g} is too high")
        return terms

    @tf.function(reduce_retracing=True)
    def _step(self, contents: Any, styles: Any) -> tf.Tensor:
        terms = self._strategy.run(self._replica_step, (contents, styles))
        pairs = zip(self.average.weights, self.model.weights, strict=True)
        update_average(pairs, self.settings.ema, self._optimizers[0][0].iterations)
        # Where oneDNN joins a convolution and its ReLU, as on CPUs with AVX-512, NaN comes out as 0, and the
        # judge's loss of a picture that is NaN is finite: so the weights are asked, too.
        trained = [weight for _, group in self._optimizers for weight in group]
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(weight)) for weight in trained])
        return tf.where(finite, self._strategy.reduce("MEAN", terms, axis=None), np.nan)

    def _replica_step(self, contents: tf.Tensor, styles: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            terms = self._terms(contents, styles)
            # Divided over all replicas, since the optimiser adds up their gradients.
            total = tf.reduce_sum(terms) / self._strategy.num_replicas_in_sync
        gradients = tape.gradient(total, [group for _, group in self._optimizers])
        # Rows of styles that aren't in the batch get 0, and Adam's step for a row that always got 0 is 0.
        for (optimizer, group), part in zip(self._optimizers, gradients, strict=True):
            optimizer.apply(part, group)
        return terms

    def _share(self, array: np.ndarray) -> Any:
        """Each replica's part of a batch."""
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

    def _variables(self) -> list[Any]:
        kept = [optimizer.variables for optimizer, _ in self._optimizers]
        return [*self.model.weights, *self.average.weights, *itertools.chain.from_iterable(kept)]
