"""Seconds of a 3x3 convolution, Winograd's beside TensorFlow's own, for the shapes of VGG-19 at 512 pixels.

    python benchmarks/convolution.py

Prints one JSON object: for each layer the median of both, their ratio, and the largest difference relative to
the largest value. Convolutions of few channels are limited by the transforms' memory traffic, those of many
by the matrix products.
"""

import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from nst_keras.ops.winograd import transform_filters, winograd_conv2d

# Side of the features, channels in and out.
LAYERS = {
    "conv1_2": (512, 64, 64),
    "conv2_2": (256, 128, 128),
    "conv3_2": (128, 256, 256),
    "conv4_2": (64, 512, 512),
    "conv5_1": (32, 512, 512),
}


def median_seconds(convolve: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor, runs: int = 9) -> float:
    """Times a compiled convolution after a first, uncounted call."""
    compiled = tf.function(convolve)
    compiled(images)
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        compiled(images).numpy()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def compare(side: int, channels_in: int, channels_out: int) -> dict[str, float]:
    """Both convolutions of one layer."""
    rng = np.random.default_rng(0)
    images = tf.constant(rng.standard_normal((1, side, side, channels_in)), tf.float32)
    kernel = rng.standard_normal((3, 3, channels_in, channels_out)).astype(np.float32)
    filters = tuple(map(tf.constant, transform_filters(kernel)))

    def direct(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.conv2d(x, kernel, 1, "SAME")

    def winograd(x: tf.Tensor) -> tf.Tensor:
        return winograd_conv2d(x, *filters)

    expected = direct(images)
    ours, theirs = median_seconds(winograd, images), median_seconds(direct, images)
    error = tf.reduce_max(tf.abs(winograd(images) - expected)) / tf.reduce_max(tf.abs(expected))
    return {
        "winograd_seconds": round(ours, 4),
        "direct_seconds": round(theirs, 4),
        "speedup": round(theirs / ours, 2),
        "error": float(error),
    }


if __name__ == "__main__":
    print(json.dumps({name: compare(*shape) for name, shape in LAYERS.items()}, indent=1))
