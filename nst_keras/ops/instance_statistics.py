"""Mean and deviation of each channel of each picture, by which instance normalisation works."""

import tensorflow as tf

# Features of a flat picture have no deviation at all.
EPSILON = 1e-5


def instance_statistics(features: tf.Tensor, weights: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
    """Means over positions, and deviations, of at least the root of `EPSILON`: [batch, 1, 1, channels].

    Positions count by their weights, [height, width], if there are any.
    """
    if weights is None:
        mean, variance = tf.nn.moments(features, axes=(1, 2), keepdims=True)
    else:
        counts = weights[tf.newaxis, :, :, tf.newaxis]
        mean, variance = tf.nn.weighted_moments(features, (1, 2), counts, keepdims=True)
    return mean, tf.sqrt(variance + EPSILON)


def renormalize(features: tf.Tensor, mean: tf.Tensor, deviation: tf.Tensor) -> tf.Tensor:
    """Gives each picture's channels other means and standard deviations, [batch or 1, 1, 1, channels]."""
    if features.shape[0] == mean.shape[0] == deviation.shape[0] == 1 and features.dtype == tf.float32:
        # Of one picture that is batch normalisation, whose kernel goes over the features less often.
        scale, offset = (tf.reshape(numbers, [-1]) for numbers in (deviation, mean))
        return tf.compat.v1.nn.fused_batch_norm(features, scale, offset, epsilon=EPSILON, is_training=True)[0]
    old_mean, old_deviation = instance_statistics(features)
    # One multiplication and one addition a number, whatever is done to the few statistics.
    factor = deviation / old_deviation
    return features * factor + (mean - old_mean * factor)
