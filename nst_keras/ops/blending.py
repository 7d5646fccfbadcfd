"""How strongly a picture is painted."""

import tensorflow as tf


def apply_strength(contents: tf.Tensor, painted: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    """Mixes photos and their paintings: 0 gives the photo itself, 1 the painting.

    Args:
        contents: float32 [batch, height, width, 3] on 0..255.
        painted: Likewise.
        strength: float32 [batch], 0..1.

    Returns:
        float32 [batch, height, width, 3] on 0..255.
    """
    return contents + strength[:, None, None, None] * (painted - contents)
