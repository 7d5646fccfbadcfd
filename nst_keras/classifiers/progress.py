"""How far a training is, and when it will be done."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from nst_keras.console.status_line import format_seconds
from nst_keras.runs.state import TrainingState


@dataclass(frozen=True)
class TrainingProgress:
    """A moment of a training.

    Attributes:
        epoch: The present epoch, from 1.
        step: Steps done, over all epochs.
        num_steps: Steps in all.
        loss: Mean over the epoch so far.
        accuracy: The same.
        images_per_second: Mean since this run's first step; None before it is known.
        seconds_left: Estimate, also without early stopping; None before it is known.
    """

    epoch: int
    step: int
    num_steps: int
    loss: float
    accuracy: float
    images_per_second: float | None
    seconds_left: float | None


class TrainingStopwatch:
    """Turns states into progress; the first step, which includes tracing, isn't timed."""

    def __init__(self, num_steps: int, batch_size: int) -> None:
        """Starts with no step seen."""
        self._num_steps, self._batch_size = num_steps, batch_size
        self._first = (0, 0.0)  # step, time

    def see(self, state: TrainingState) -> TrainingProgress:
        """Takes the time of a step that has just ended."""
        now = time.monotonic()
        if not self._first[1]:
            self._first = (state.step, now)
        steps = state.step - self._first[0]
        seconds_per_step = (now - self._first[1]) / steps if steps else None
        return TrainingProgress(
            epoch=len(state.history) + 1,
            step=state.step,
            num_steps=self._num_steps,
            loss=state.loss_sum / state.seen,
            accuracy=state.correct / state.seen,
            images_per_second=self._batch_size / seconds_per_step if seconds_per_step else None,
            seconds_left=seconds_per_step * (self._num_steps - state.step) if seconds_per_step else None,
        )


def describe_step(progress: TrainingProgress) -> str:
    """One line of text: step, loss, accuracy, speed and time left."""
    speed, left = progress.images_per_second, progress.seconds_left
    parts = [
        f"epoch {progress.epoch}",
        f"step {progress.step}/{progress.num_steps}",
        f"loss {progress.loss:.4g}",
        f"accuracy {progress.accuracy:.4f}",
        "" if speed is None else f"{speed:.0f} images/s",
        "" if left is None else f"ETA {format_seconds(left)}",
    ]
    return "  ".join(part for part in parts if part)


def describe_epoch(epoch: Mapping[str, float], epochs: int, best_epoch: int) -> str:
    """One line of text: what an epoch gave."""
    best = " (best)" if best_epoch == epoch["epoch"] else ""
    return (
        f"epoch {epoch['epoch']}/{epochs}  loss {epoch['loss']:.4g}  accuracy {epoch['accuracy']:.4f}  "
        f"validation accuracy {epoch['val_accuracy']:.4f}{best}  "
        f"{epoch['seconds']:.1f} s"
    )
