"""How far an optimisation is."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nst_keras.console.progress import Progress, Stopwatch, sums_by_kind
from nst_keras.transfer.descent import State, scale_sizes, scale_steps
from nst_keras.transfer.settings import StyleTransferSettings


@dataclass(frozen=True, kw_only=True)
class OptimizationProgress(Progress):
    """A moment of an optimisation.

    Attributes:
        scale: Number of the present scale, from 1.
        num_scales: Scales in all.
        state: The picture and its losses.
    """

    scale: int
    num_scales: int
    state: State


class StateWatch:
    """Turns states into progress; a step's time is taken to grow with the number of pixels."""

    def __init__(self, content: np.ndarray, settings: StyleTransferSettings) -> None:
        sizes = scale_sizes(content, settings)
        self._steps = scale_steps(settings, len(sizes))
        pixels = [height * width for height, width in sizes]
        self._watch = Stopwatch(*zip(self._steps, pixels, strict=True))

    def steps_done(self, state: State | None) -> int:
        """Steps over all scales that lie behind a state; 0 for None."""
        return 0 if state is None else sum(self._steps[: state.scale]) + state.step

    def see(self, state: State) -> OptimizationProgress:
        """Takes the time of a step that has just ended."""
        height, width = state.image.shape[:2]
        seen = self._watch.see(self.steps_done(state), f"{width}x{height}", summed_losses(state.losses))
        return OptimizationProgress(
            **vars(seen), scale=state.scale + 1, num_scales=len(self._steps), state=state
        )


def summed_losses(losses: Mapping[str, float]) -> dict[str, float]:
    """Losses with the layers of a kind added up: total, content, style, total_variation."""
    return {"total": losses.get("total", 0.0), **sums_by_kind(losses)}
