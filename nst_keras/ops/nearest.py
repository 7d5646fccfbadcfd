"""Nearest neighbours by cosine, as matrix products."""

import tensorflow as tf

# Similarities held at a time, 64 MB, whatever the number of places.
_SIMILARITIES = 2**24


def unit_rows(rows: tf.Tensor) -> tf.Tensor:
    """Rows [count, channels] of length 1; those of zeros stay."""
    return rows * tf.math.rsqrt(tf.maximum(tf.reduce_sum(tf.square(rows), 1, keepdims=True), 1e-16))


def centered_unit_rows(rows: tf.Tensor) -> tf.Tensor:
    """Rows minus their mean, of length 1: without what all have in common, cosines tell them apart."""
    return unit_rows(rows - tf.reduce_mean(rows, 0))


def nearest_rows(queries: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
    """For each query the number of the key with the largest product, int32 [queries].

    Both are float32 [count, channels]; with `unit_rows`, products are cosines. Memory stays bounded: a block
    of queries is compared at a time.
    """
    block = max(1, _SIMILARITIES // keys.shape[0])
    return tf.concat(
        [
            tf.argmax(tf.matmul(queries[start : start + block], keys, transpose_b=True), 1, tf.int32)
            for start in range(0, queries.shape[0], block)
        ],
        0,
    )
