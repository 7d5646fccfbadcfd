"""Batch normalisation in TensorFlow's fused kernel, which Keras 3 doesn't use."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="nst_keras")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer for feature maps, with the same numbers, weights and settings, but faster on CPUs.

    Keras goes over the map several times; the kernel goes over it once or twice, and in mixed bfloat16 reads
    bfloat16 and computes statistics in float32. `benchmarks/batch_normalization.py` has times. Training over
    several replicas uses Keras's own code, which adds up statistics over all of them.

    Args:
        momentum: Share of the old moving statistics that a step keeps.
        epsilon: Added to the variance.
        **kwargs: As for `keras.layers.BatchNormalization`, for the last axis, with scale and centre.

    Input shape: [batch, height, width, channels].
    Output shape: the same.

    Raises:
        ValueError: If the layer is to normalise another axis.
    """

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3, **kwargs: Any) -> None:
        kwargs = {"synchronized": True, "autocast": False, **kwargs}
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)
        if self.axis not in (-1, 3) or not (self.center and self.scale):
            raise ValueError(f"only the last axis, scaled and centred, is fused. Received: axis={self.axis}")

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: Any = None) -> tf.Tensor:
        """Normalises; in training by the batch's statistics, which the moving ones then follow."""
        learns = bool(training) and self.trainable
        if self.compute_dtype == "float64":  # which the kernel doesn't know
            return super().call(inputs, training=training, mask=mask)
        if learns and tf.distribute.get_strategy().num_replicas_in_sync > 1:
            return super().call(inputs, training=training, mask=mask)
        inputs = tf.cast(inputs, self.compute_dtype)
        weights = (self.gamma.value, self.beta.value)
        if not learns:
            moving = (self.moving_mean.value, self.moving_variance.value)
            return _normalize(inputs, *weights, *moving, epsilon=self.epsilon, is_training=False)[0]
        outputs, mean, variance = _normalize(inputs, *weights, epsilon=self.epsilon, is_training=True)
        # The kernel's variance is the sample's; Keras keeps the population's.
        count = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], tf.float32)
        for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance * (count - 1) / count)):
            moving.assign(moving * self.momentum + new * (1 - self.momentum))
        return outputs


_normalize = tf.compat.v1.nn.fused_batch_norm
