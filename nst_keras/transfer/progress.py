"""How far a run is, and when it will be done."""

import time
from collections import deque
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from nst_keras.console.status_line import StatusLine, format_seconds
from nst_keras.transfer.descent import State, scale_sizes, scale_steps
from nst_keras.transfer.settings import StyleTransferSettings

_RECENT = 8  # steps that the speed is measured over


@dataclass(frozen=True)
class Progress:
    """A moment of a run.

    Attributes:
        step: Steps done, over all scales.
        num_steps: Steps in all.
        scale: Number of the present scale, from 1.
        num_scales: Scales in all.
        seconds_per_step: At the present scale; None before it is known.
        seconds_left: Estimate for all that is left; None before it is known.
        state: The picture and its losses.
    """

    step: int
    num_steps: int
    scale: int
    num_scales: int
    seconds_per_step: float | None
    seconds_left: float | None
    state: State


class Stopwatch:
    """Turns states into progress; a step's time is taken to grow with the number of pixels."""

    def __init__(self, content: np.ndarray, settings: StyleTransferSettings) -> None:
        """Starts with no step seen."""
        sizes = scale_sizes(content, settings)
        self._pixels = [height * width for height, width in sizes]
        self._steps = scale_steps(settings, len(sizes))
        self._scale = -1
        self._times: deque[float] = deque(maxlen=_RECENT)

    def steps_done(self, state: State | None) -> int:
        """Steps over all scales that lie behind a state; 0 for None."""
        return 0 if state is None else sum(self._steps[: state.scale]) + state.step

    def see(self, state: State) -> Progress:
        """Takes the time of a step that has just ended."""
        if state.scale != self._scale:  # a scale's first step includes tracing
            self._scale = state.scale
            self._times.clear()
        self._times.append(time.monotonic())
        speed = None
        if len(self._times) > 1:
            speed = (self._times[-1] - self._times[0]) / (len(self._times) - 1)
        return Progress(
            self.steps_done(state),
            sum(self._steps),
            state.scale + 1,
            len(self._steps),
            speed,
            None if speed is None else speed * self._steps_left(state),
            state,
        )

    def _steps_left(self, state: State) -> float:
        """Steps left, counted in steps of the present scale."""
        left = float(self._steps[state.scale] - state.step)
        for pixels, steps in list(zip(self._pixels, self._steps, strict=True))[state.scale + 1 :]:
            left += steps * pixels / self._pixels[state.scale]
        return left


class ProgressLine:
    """Shows the progress of an optimisation on a stream."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Writes to stderr if no stream is given."""
        self._line = StatusLine(stream)

    def __call__(self, progress: Progress) -> None:
        """Shows the progress if the last one is old enough, and always the last step."""
        self._line.show(lambda: describe(progress), last=progress.step == progress.num_steps)

    def close(self) -> None:
        """Ends the line."""
        self._line.close()


def describe(progress: Progress) -> str:
    """One line of text: step, size, losses, speed and time left."""
    height, width = progress.state.image.shape[:2]
    speed, left = progress.seconds_per_step, progress.seconds_left
    parts = [
        f"step {progress.step}/{progress.num_steps}",
        f"{width}x{height}",
        *(f"{name} {value:.3g}" for name, value in summed_losses(progress.state).items()),
        "" if speed is None else f"{speed:.2f} s/step",
        "" if left is None else f"ETA {format_seconds(left)}",
    ]
    return "  ".join(part for part in parts if part)


def summed_losses(state: State) -> dict[str, float]:
    """Losses with the layers of a kind added up: total, content, style, total_variation."""
    sums = {"total": state.losses.get("total", 0.0)}
    for name, value in state.losses.items():
        if name != "total":
            kind = name.partition("/")[0]
            sums[kind] = sums.get(kind, 0.0) + value
    return sums
