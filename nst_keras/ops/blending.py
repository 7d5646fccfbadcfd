"""How strongly a picture is painted."""

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

_Array = TypeVar("_Array", "np.ndarray", "tf.Tensor")


def apply_strength(contents: _Array, painted: _Array, strength: _Array) -> _Array:
    """Mixes pictures [batch, height, width, 3] by strengths [batch]: 0 gives the photo, 1 the painting."""
    shares = strength[:, None, None, None]
    return (1 - shares) * contents + shares * painted
