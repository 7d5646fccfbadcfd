"""Laplacian pyramids (Burt & Adelson 1983): a picture as bands of detail, from fine to coarse, that add up.

A step on a band moves as large an area as the band is coarse, so that a few steps change both outlines and
broad tones.
"""

from collections.abc import Sequence

import tensorflow as tf

_LEAST_SIDE = 2  # pixels; shorter ones aren't halved further


def split_bands(images: tf.Tensor) -> list[tf.Tensor]:
    """Returns what each size adds to the one below, and at last the smallest picture itself.

    Pictures are float32 [batch, height, width, channels]. A size has half the height and width of the one
    above, rounded up, and at least 2 pixels. `join_bands` gives the pictures back, but for rounding.
    """
    bands = []
    while min(images.shape[1:3]) >= 2 * _LEAST_SIDE:
        height, width = images.shape[1:3]
        smaller = tf.image.resize(images, [(height + 1) // 2, (width + 1) // 2])
        bands.append(images - tf.image.resize(smaller, [height, width]))
        images = smaller
    return [*bands, images]


def join_bands(bands: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the pictures that bands, also ones that have changed since, add up to."""
    images = bands[-1]
    for band in reversed(bands[:-1]):
        images = band + tf.image.resize(images, band.shape[1:3])
    return images


def band_gradients(bands: Sequence[tf.Tensor], gradient: tf.Tensor) -> list[tf.Tensor]:
    """Turns a gradient with respect to the joined pictures into those with respect to the bands."""
    with tf.GradientTape() as tape:
        tape.watch(bands)
        images = join_bands(bands)
    gradients: list[tf.Tensor] = tape.gradient(images, bands, gradient)
    return gradients
