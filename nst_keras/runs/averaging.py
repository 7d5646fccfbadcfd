"""The moving average of weights."""

from collections.abc import Iterable
from typing import Any

import tensorflow as tf


def update_average(pairs: Iterable[tuple[Any, Any]], decay: float, steps: Any) -> None:
    """Moves averages towards variables, given as pairs, after the optimiser's steps so far.

    Less decay in the first steps, so that the start is soon forgotten (as in tf.train's average).
    """
    steps = tf.cast(steps, tf.float32)
    decay = tf.minimum(decay, (1 + steps) / (10 + steps))
    for average, variable in pairs:
        average.assign(decay * average.value + (1 - decay) * variable.value)
