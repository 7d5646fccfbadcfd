"""The moving average of weights, and the usual course of a learning rate."""

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf


def update_average(pairs: Iterable[tuple[Any, Any]], decay: float, steps: Any) -> None:
    """Moves averages towards variables, given as pairs, after the optimiser's steps so far.

    Less decay in the first steps, so that the start is soon forgotten (as in tf.train's average).
    """
    steps = tf.cast(steps, tf.float32)
    decay = tf.minimum(decay, (1 + steps) / (10 + steps))
    for average, variable in pairs:
        average.assign(decay * average.value + (1 - decay) * variable.value)


def warm_cosine(
    rate: float, num_steps: int, warmup: float
) -> keras.optimizers.schedules.LearningRateSchedule:
    """A learning rate that rises to `rate` in a share of the steps, and falls as a cosine to 0 after."""
    rising = round(warmup * num_steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0 if rising else rate,
        decay_steps=max(1, num_steps - rising),
        warmup_target=rate if rising else None,
        warmup_steps=rising,
    )
