"""What the perceptron and ADALINE share as Keras models: one linear unit per class, each against the rest."""

import math
from typing import Any

import keras
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.fields import POSITIVE, Bounds, require_number


def signs(labels: tf.Tensor, num_classes: int, dtype: str) -> tf.Tensor:
    """Class ids [batch] as what each unit should answer, [batch, num_classes]: 1 for its class, else -1."""
    # Keras hands labels to losses as floats.
    one_hot = tf.one_hot(tf.cast(tf.reshape(labels, [-1]), tf.int32), num_classes, dtype=dtype)
    return 2 * one_hot - 1


class OneVsRest(keras.Model):
    """Net inputs `z = w·x + b` of one linear unit per class, with weights from zero.

    Two classes have two units as well, so that every classifier gives [batch, num_classes]; the second is
    the single unit of the textbooks, and the first is its mirror image.

    Args:
        num_classes: Number of units; at least 2.
        scale: Factor on the inputs before anything else; 1 / 255 takes raw pixels.
        **kwargs: As for `keras.Model`; with `dtype="float64"` everything is computed in it.

    Input shape: [batch, height, width, channels] or [batch, features], any number type.
    Output shape: [batch, num_classes], net inputs; the greatest is the class.
    """

    def __init__(self, num_classes: int, *, scale: float = 1 / 255, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_number("num_classes", num_classes, Bounds(2), whole=True)
        require_number("scale", scale, POSITIVE, whole=False)
        self.num_classes = num_classes
        self.scale = scale

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the weights, all zero."""
        if len(input_shape) < 2 or None in input_shape[1:]:
            raise InputError(f"The input's shape must be known but for the batch. Received: {input_shape}")
        self._example_shape = tuple(input_shape[1:])
        shape = (math.prod(side or 0 for side in input_shape[1:]), self.num_classes)
        self.kernel = self.add_weight(shape=shape, initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=shape[1:], initializer="zeros", name="bias")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Net inputs, [batch, num_classes]."""
        return tf.matmul(self.features(inputs), self.kernel) + self.bias

    def features(self, inputs: tf.Tensor) -> tf.Tensor:
        """Inputs scaled and laid flat, [batch, features] in the model's dtype."""
        scaled = tf.cast(inputs, self.compute_dtype) * self.scale
        return tf.reshape(scaled, [-1, math.prod(inputs.shape[1:])])

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """One net input per class."""
        return input_shape[0], self.num_classes

    def export(self, filepath: str, *args: Any, **kwargs: Any) -> None:
        """As Keras's, which otherwise refuses models that were trained or loaded but never called."""
        self(tf.zeros([1, *self._example_shape], self.compute_dtype))
        super().export(filepath, *args, **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles again after loading; Keras itself doesn't when `compile` is overridden."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def get_config(self) -> dict[str, Any]:
        """Settings to make the model again."""
        return {**super().get_config(), "num_classes": self.num_classes, "scale": self.scale}

    def _unpack(self, data: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Inputs and labels of what `fit` hands to `train_step`."""
        inputs, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        if weights is not None:
            raise InputError(f"{type(self).__name__} has no weights of samples or classes: fit without them.")
        return inputs, labels

    def _report(self, inputs: tf.Tensor, labels: tf.Tensor, loss: tf.Tensor) -> dict[str, tf.Tensor]:
        """Adds a batch's loss, a mean over its examples, and the metrics with the new weights."""
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=tf.shape(inputs)[0])
        return self.compute_metrics(inputs, labels, self(inputs, training=True))

    def _ensure_built(self, inputs: tf.Tensor) -> None:
        if not self.built:
            with tf.init_scope():
                self.build(tuple(inputs.shape))
