"""A loss as training computes it, for checks in any precision."""

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import tensorflow as tf

LossSpec: TypeAlias = "keras.losses.Loss | str | Callable[[Any, Any], Any] | None"


class NetworkLoss:
    """A loss as training computes it, also in float64, without Keras's repair of a double softmax.

    It is made of a Keras loss or its name, of a function of class ids and outputs, or of None: the sparse
    cross-entropy that suits the outputs, which may be `probabilities`. `from_logits` tells whether it applies
    a softmax itself; None if that isn't known.
    """

    def __init__(self, loss: LossSpec, probabilities: bool) -> None:
        if loss is None:
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=not probabilities)
        self._loss = keras.losses.get(loss) if isinstance(loss, str) else loss
        self.name = getattr(self._loss, "name", getattr(self._loss, "__name__", "loss"))
        is_keras = isinstance(self._loss, keras.losses.Loss) or "keras" in getattr(
            loss, "__module__", "keras"
        )
        self._one_hot = is_keras and "sparse" not in self.name
        config = self._loss.get_config() if isinstance(self._loss, keras.losses.Loss) else {}
        default = False if is_keras and "crossentropy" in self.name else None
        self.from_logits: bool | None = config.get("from_logits", default)

    def __call__(self, labels: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """The scalar that training goes down, without penalties on weights; outputs [batch, classes]."""
        targets = tf.one_hot(labels, outputs.shape[-1], dtype=outputs.dtype) if self._one_hot else labels
        # Keras looks for a softmax before the loss and undoes it, but only where it can see it.
        outputs = tf.identity(outputs)
        if not isinstance(self._loss, keras.losses.Loss):
            return tf.reduce_mean(self._loss(targets, outputs))
        values = self._loss.call(targets, outputs)  # not __call__, which would cast to float32
        return tf.reduce_sum(values) if self._loss.reduction == "sum" else tf.reduce_mean(values)
