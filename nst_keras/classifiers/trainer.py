"""Training of classifiers: one compiled step, a moving average of the weights, exact states to go on from."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy.special import log_softmax

from nst_keras.classifiers.settings import StepSettings
from nst_keras.errors import InputError, NonFiniteLossError
from nst_keras.runs.averaging import update_average
from nst_keras.runs.learning_rate import warm_cosine
from nst_keras.runs.trainer import Trainer

Labelled = tuple[np.ndarray, np.ndarray]  # logits or features [n, any], and labels [n]


@dataclass(frozen=True)
class StepResult:
    """Sums over the pictures of a step, before its update: loss, and how many were classified right."""

    loss: float
    correct: float
    count: int


class ClassifierTrainer(Trainer):
    """A model with its optimiser, average of weights and compiled step.

    Models with an `update` method (perceptron, ADALINE) have a rule of their own; all others follow the
    gradient of the softmax cross-entropy.

    Args:
        model: From pixels 0..255 [batch, height, width, channels] to logits, made within the
            strategy's scope if there is one.
        settings: How to train.
        num_steps: Steps of the whole training, for the learning rate's course.
        strategy: Over several workers; each is given its own part of every batch.
        rates: Factors on the learning rate by path of variable, where they aren't 1; for "sgd" alone,
            whose steps are in proportion to the gradient.
        class_weights: Factors on the loss, of every class; None for 1.
        frozen: Paths of variables that never change and so need not be kept.
        average: Model like `model` to hold the average of its weights, if it isn't to be a clone, such as
            one in float32 beside one in mixed precision.

    Attributes:
        evaluated: What is evaluated and saved: the average of the weights, or the model itself.
    """

    def __init__(
        self,
        model: keras.Model,
        settings: StepSettings,
        num_steps: int,
        strategy: tf.distribute.Strategy | None = None,
        *,
        rates: Mapping[str, float] | None = None,
        class_weights: Mapping[int, float] | None = None,
        frozen: Collection[str] = (),
        average: keras.Model | None = None,
    ) -> None:
        self.model, self.settings, self._frozen = model, settings, frozenset(frozen)
        self._strategy = strategy or tf.distribute.get_strategy()
        self._rule: Any = getattr(model, "update", None)
        if self._rule and self._strategy.num_replicas_in_sync > 1:
            raise InputError(f"{model.name} learns from one sample after the other: it can't be distributed.")
        with self._strategy.scope():
            self.evaluated = model
            if settings.ema and not self._rule:
                self.evaluated = average or keras.models.clone_model(model)
                self.evaluated.set_weights(model.get_weights())
            self._optimizer: Any = None if self._rule else _optimizer(settings, num_steps)
            if self._optimizer:
                self._optimizer.build(model.trainable_variables)
        pairs = () if self.evaluated is model else zip(self.evaluated.weights, model.weights, strict=True)
        self._pairs = [pair for pair in pairs if np.issubdtype(np.dtype(pair[0].dtype), np.floating)]
        rates, weights = rates or {}, class_weights or {}
        self._rates = [rates.get(variable.path, 1.0) for variable in model.trainable_variables]
        self._class_weights = [weights.get(label, 1.0) for label in range(max(weights, default=0) + 1)]

    @property
    def has_rule(self) -> bool:
        """Whether the model learns by a rule of its own."""
        return self._rule is not None

    @property
    def learning_rate(self) -> float:
        """Of the next step."""
        return float(self._optimizer.learning_rate) if self._optimizer else self.settings.learning_rate

    def step(self, images: tf.Tensor, labels: tf.Tensor, global_size: int) -> StepResult:
        """Takes one step; `global_size` is the number of pictures over all workers."""
        step = self._rule_step if self._rule else self._gradient_step
        size = tf.constant(global_size, tf.float32)
        _trace_for_any_batch(step, (images, labels), size)
        loss, correct = step(images, labels, size)
        result = StepResult(float(loss), float(correct), global_size)
        if not math.isfinite(result.loss):
            raise NonFiniteLossError(
                f"the loss is {result.loss}: learning_rate={self.settings.learning_rate:g} is too high, "
                "or the pictures hold values that aren't finite"
            )
        return result

    @tf.function(reduce_retracing=True)
    def _rule_step(
        self, images: tf.Tensor, labels: tf.Tensor, size: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        right = _num_correct(self.model(images, training=True), labels)
        result = self._rule(images, labels)
        # The perceptron counts its updates; ADALINE gives a mean cost.
        total = tf.cast(result, tf.float32) * (1.0 if result.dtype.is_integer else size)
        return total, right

    @tf.function(reduce_retracing=True)
    def _gradient_step(
        self, images: tf.Tensor, labels: tf.Tensor, size: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        results = self._strategy.run(self._replica_step, (images, labels, size))
        if self._pairs:
            update_average(self._pairs, self.settings.ema, self._optimizer.iterations)
        return tuple(self._strategy.reduce("SUM", result, axis=None) for result in results)

    def _replica_step(
        self, images: tf.Tensor, labels: tf.Tensor, size: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            logits = tf.cast(self.model(tf.cast(images, tf.float32), training=True), tf.float32)
            targets = tf.one_hot(labels, logits.shape[-1])
            smoothing = self.settings.label_smoothing
            targets = targets * (1 - smoothing) + smoothing / logits.shape[-1]
            losses = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
            if len(self._class_weights) > 1:
                losses *= tf.gather(self._class_weights, labels)
            loss = tf.reduce_sum(losses)
            # Divided over all workers, since the optimiser adds up their gradients.
            total = loss / size + sum(self.model.losses) / self._strategy.num_replicas_in_sync
        gradients = tape.gradient(total, variables)
        scaled = [rate * gradient for rate, gradient in zip(self._rates, gradients, strict=True)]
        self._optimizer.apply(scaled, variables)
        return loss, _num_correct(logits, labels)

    def predict(self, batches: tf.data.Dataset) -> Labelled:
        """Returns logits float32 [n, classes] and labels int64 [n] of `evaluated` over batches."""
        logits, labels = [], []
        for images, some in batches:
            _trace_for_any_batch(self._logits, (images,))
            logits.append(self._logits(images).numpy())
            labels.append(some.numpy())
        return np.concatenate(logits), np.concatenate(labels)

    @tf.function(reduce_retracing=True)
    def _logits(self, images: tf.Tensor) -> tf.Tensor:
        return self.evaluated(tf.cast(images, tf.float32), training=False)

    def weights(self) -> list[np.ndarray]:
        """The weights of `evaluated`, but for frozen ones."""
        return [np.asarray(variable) for variable in self._kept(self.evaluated.weights)]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Sets the weights of `evaluated`, such as to the best ones, from what `weights` gave."""
        for variable, array in zip(self._kept(self.evaluated.weights), weights, strict=True):
            variable.assign(array)

    def _variables(self) -> list[Any]:
        variables = self._kept(self.model.variables)  # with the states of dropout's random numbers
        if self.evaluated is not self.model:
            variables += self._kept(self.evaluated.variables)
        return variables + (list(self._optimizer.variables) if self._optimizer else [])

    def _kept(self, variables: Sequence[Any]) -> list[Any]:
        return [variable for variable in variables if variable.path not in self._frozen]


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean softmax cross-entropy of logits [n, classes] and labels [n], in nats."""
    return -float(np.mean(log_softmax(logits, axis=1)[np.arange(len(labels)), labels]))


def measure(
    logits: np.ndarray, labels: np.ndarray, prefix: str = "", *, with_loss: bool = True
) -> dict[str, float]:
    """Cross-entropy, where the outputs are meant as logits, and accuracy, by name."""
    loss = {f"{prefix}loss": cross_entropy(logits, labels)} if with_loss else {}
    return loss | {f"{prefix}accuracy": float(np.mean(logits.argmax(axis=1) == labels))}


def _optimizer(settings: StepSettings, num_steps: int) -> keras.optimizers.Optimizer:
    course = warm_cosine(settings.learning_rate, num_steps, settings.warmup)
    if settings.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(
            course,
            momentum=settings.momentum,
            nesterov=settings.momentum > 0,
            weight_decay=settings.weight_decay,
        )
    else:
        optimizer = keras.optimizers.AdamW(course, weight_decay=settings.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    return optimizer


def _trace_for_any_batch(function: Any, batch: Sequence[Any], *rest: tf.Tensor) -> None:
    """Traces once, which takes seconds, instead of again for the smaller batch at the end of an epoch."""
    if not function.experimental_get_tracing_count():
        specs = [tf.TensorSpec([None, *values.shape[1:]], values.dtype) for values in batch]
        function.get_concrete_function(*specs, *map(tf.TensorSpec.from_tensor, rest))


def _num_correct(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    answers = tf.argmax(logits, axis=-1, output_type=labels.dtype)
    return tf.reduce_sum(tf.cast(answers == labels, tf.float32))
