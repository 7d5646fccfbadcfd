"""The usual course of a learning rate."""

import keras


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
