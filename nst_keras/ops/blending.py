"""How strongly a picture is painted."""

import tensorflow as tf


def apply_strength(contents: tf.Tensor, painted: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    """Mixes pictures [batch, height, width, 3] by strengths [batch]: 0 gives the photo, 1 the painting."""
    return contents + strength[:, None, None, None] * (painted - contents)
