"""ADALINE (Widrow & Hoff 1960) as a Keras model: least squares by its own rule, without an optimiser."""

import math
from typing import Any

import keras
import tensorflow as tf

from nst_keras.errors import InputError, require_choice
from nst_keras.models.one_vs_rest import OneVsRest, signs

MODES = ("sample", "batch")


@keras.saving.register_keras_serializable(package="nst_keras")
def adaline_loss(labels: tf.Tensor, net_inputs: tf.Tensor) -> tf.Tensor:
    """Half the squared error `1/2 sum_k (y_k - z_k)^2` of each example, [batch].

    The labels are class ids, [batch]; unit k's y is 1 for its class and -1 for the others.
    """
    errors = signs(labels, net_inputs.shape[-1], net_inputs.dtype) - net_inputs
    return tf.reduce_sum(errors**2, axis=-1) / 2


@keras.saving.register_keras_serializable(package="nst_keras")
class Adaline(OneVsRest):
    """Adaptive linear neuron, one unit per class against the rest.

    Every example moves every unit in proportion to its error, y = 1 for the unit's class and -1 for the
    others:

        w <- w + eta (y - z) x
        b <- b + eta (y - z)

    With `mode="sample"` example by example (the LMS rule); with `mode="batch"` once for the mean of these
    steps over the batch. `normalized=True` divides each example's step by 1 + |x|^2, so that eta is the
    part of the error that an example takes away, and any eta below 2 is stable whatever the number and
    size of the inputs: Widrow and Hoff's own rule, later called alpha-LMS (Widrow & Lehr 1990). Without
    it, the steps are those of `estimators.AdalineSGD`, and of `estimators.AdalineGD` with eta / batch.

    `compile()` and `fit` work as ever and need no optimiser; the loss is the half squared error.

    Args:
        num_classes: Number of units; at least 2.
        eta: Step size, above 0; below 2 if normalised.
        mode: "sample" or "batch".
        normalized: Whether to divide steps by 1 + |x|^2.
        scale: Factor on the inputs; 1 / 255 takes raw pixels.
        **kwargs: As for `keras.Model`.

    Input shape: [batch, height, width, channels] or [batch, features], any number type.
    Output shape: [batch, num_classes], net inputs; the greatest is the class.

    Raises:
        InputError: If an argument is out of its range.
    """

    def __init__(
        self,
        num_classes: int,
        eta: float = 0.01,
        *,
        mode: str = "sample",
        normalized: bool = True,
        scale: float = 1 / 255,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_classes, scale=scale, **kwargs)
        require_choice("mode", mode, MODES)
        if not 0 < eta < (2 if normalized else math.inf):
            expected = "above 0 and below 2 with normalized=True" if normalized else "a finite number above 0"
            raise InputError(f"eta must be {expected}. Received: eta={eta}")
        self.eta, self.mode, self.normalized = eta, mode, normalized

    def compile(self, optimizer: Any = None, loss: Any = adaline_loss, **kwargs: Any) -> None:
        """As Keras's, without an optimiser; the loss is only reported."""
        super().compile(optimizer=optimizer, loss=loss, **kwargs)

    def update(self, inputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Takes the steps of a batch with class ids [batch]; the weights change in place.

        Returns the cost, a scalar: half the squared error, summed over the units, each example's before its
        own step, mean over the batch.
        """
        self._ensure_built(inputs)
        features = self.features(inputs)
        targets = signs(labels, self.num_classes, self.compute_dtype)
        rates = self.eta * tf.ones_like(features[:, 0])
        if self.normalized:
            rates /= 1 + tf.reduce_sum(features**2, axis=1)
        learn = _learn_by_sample if self.mode == "sample" else _learn_by_batch
        kernel, bias = tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias)
        kernel, bias, cost = learn(features, targets, rates, kernel, bias)
        self.kernel.assign(kernel)
        self.bias.assign(bias)
        return cost

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """What `fit` does with a batch: `update`, then the metrics with the new weights."""
        inputs, labels = self._unpack(data)
        return self._report(inputs, labels, self.update(inputs, labels))

    def get_config(self) -> dict[str, Any]:
        """Settings to make the model again."""
        return {**super().get_config(), "eta": self.eta, "mode": self.mode, "normalized": self.normalized}


def _learn_by_sample(
    features: tf.Tensor, targets: tf.Tensor, rates: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    count = tf.shape(features)[0]

    def learn(row: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, cost: tf.Tensor) -> tuple:
        x = features[row]
        error = targets[row] - (tf.linalg.matvec(kernel, x, transpose_a=True) + bias)
        change = rates[row] * error
        return row + 1, kernel + x[:, None] * change, bias + change, cost + tf.reduce_sum(error**2) / 2

    start = (0, kernel, bias, tf.zeros([], features.dtype))
    _, kernel, bias, cost = tf.while_loop(lambda row, *_: row < count, learn, start)
    return kernel, bias, cost / tf.cast(count, cost.dtype)


def _learn_by_batch(
    features: tf.Tensor, targets: tf.Tensor, rates: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    errors = targets - (tf.matmul(features, kernel) + bias)
    changes = rates[:, None] * errors / tf.cast(tf.shape(features)[0], features.dtype)
    kernel += tf.matmul(features, changes, transpose_a=True)
    cost = tf.reduce_mean(tf.reduce_sum(errors**2, axis=1)) / 2
    return kernel, bias + tf.reduce_sum(changes, axis=0), cost
