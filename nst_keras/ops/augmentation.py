"""Random changes of training pictures that keep their class; the same seed gives the same changes."""

import tensorflow as tf


def augment(
    images: tf.Tensor, seed: tf.Tensor, *, shift: float = 0.0, flip: bool = False, erase: float = 0.0
) -> tf.Tensor:
    """Shifts, mirrors and erases a batch of pictures, each picture by draws of its own.

    Shifting fills with the mirrored border (as He et al. 2015 crop, but without their black frame). Erasing
    sets a square, on half the pictures, to the picture's mean (DeVries & Taylor 2017; their square is
    at a fixed gray and on every picture).

    Args:
        images: Any dtype, which is kept, [batch, height, width, channels].
        seed: int32 [2]; all randomness comes of it.
        shift: Largest shift along each axis as a share of the picture's side, 0..1, rounded down to pixels.
        flip: Whether to mirror left to right, with probability one half.
        erase: Side of the erased square as a share of the picture's side, 0..1; 0 erases nothing.
    """
    batch, height, width = tf.unstack(tf.shape(images)[:3])
    seeds = tf.unstack(tf.random.split(seed, 5))
    if shift or flip:
        rows = _shifted(height, batch, seeds[0], shift)
        columns = _shifted(width, batch, seeds[1], shift)
        if flip:
            chosen = tf.random.stateless_uniform([batch, 1], seeds[2]) < 0.5
            columns = tf.where(chosen, width - 1 - columns, columns)
        # One gather over pixels: two, with transposes between them, take three times as long.
        pixels = tf.reshape(images, [batch, height * width, -1])
        index = tf.reshape(rows[:, :, None] * width + columns[:, None, :], [batch, height * width])
        images = tf.reshape(tf.gather(pixels, index, batch_dims=1), tf.shape(images))
    return _erased(images, seeds[3:], erase) if erase else images


def _shifted(size: tf.Tensor, batch: tf.Tensor, seed: tf.Tensor, share: float) -> tf.Tensor:
    """Indices along one axis, [batch, size]; those beyond the border are reflected at it."""
    most = tf.cast(share * tf.cast(size, tf.float32), tf.int32)
    index = tf.abs(tf.range(size) + tf.random.stateless_uniform([batch, 1], seed, -most, most + 1, tf.int32))
    return tf.where(index >= size, 2 * (size - 1) - index, index)


def _erased(images: tf.Tensor, seeds: list[tf.Tensor], share: float) -> tf.Tensor:
    batch, height, width = tf.unstack(tf.shape(images)[:3])
    centers = tf.random.stateless_uniform([batch, 2], seeds[0])

    def inside(side: tf.Tensor, center: tf.Tensor) -> tf.Tensor:
        length = tf.cast(side, tf.float32)
        return tf.abs(tf.range(length) - center[:, None] * length) < share * length / 2

    square = inside(height, centers[:, 0])[:, :, None] & inside(width, centers[:, 1])[:, None, :]
    chosen = tf.random.stateless_uniform([batch, 1, 1], seeds[1]) < 0.5
    mean = tf.reduce_mean(tf.cast(images, tf.float32), axis=(1, 2), keepdims=True)
    return tf.where((square & chosen)[..., None], tf.cast(mean, images.dtype), images)
