"""What is compared of features: a tensor [batch, ...] for each picture.

A Gram matrix is a mean over positions. So the mean of several styles' is a blend of them, and that of a
picture's parts, each weighted by its share of the positions, is the whole picture's.
"""

import tensorflow as tf

from nst_keras.ops.instance_statistics import instance_statistics


def gram_matrix(features: tf.Tensor) -> tf.Tensor:
    """Correlations between channels, float32 [batch, channels, channels]: F^T F by height * width * channels.

    Dividing by the size (Johnson et al. 2016, arXiv:1603.08155, eq. 3) leaves Gatys et al., who keep
    the sum: this way a loss between Gram matrices means the same for every picture size.
    """
    shape = tf.shape(features)
    flat = tf.reshape(features, [shape[0], shape[1] * shape[2], shape[3]])
    count = tf.cast(shape[1] * shape[2] * shape[3], features.dtype)
    return tf.matmul(flat, flat, transpose_a=True) / count


def mean_and_deviation(features: tf.Tensor) -> tf.Tensor:
    """Means and standard deviations side by side, so that neither counts more: [batch, 1, 1, 2 * channels].

    Huang & Belongie 2017 (arXiv:1703.06868, eq. 13) add up two distances instead.
    """
    return tf.concat(instance_statistics(features), -1)
