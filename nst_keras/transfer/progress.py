"""How far an optimisation is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nst_keras.console.progress import Progress, Stopwatch, sums_by_kind

if TYPE_CHECKING:
    from nst_keras.transfer.descent import Scale, State


@dataclass(frozen=True, kw_only=True, repr=False)
class OptimizationProgress(Progress):
    """A moment of an optimisation.

    Attributes:
        scale: Number of the present scale, from 1.
        num_scales: Scales in all.
        state: The picture and its losses.
    """

    scale: int
    num_scales: int
    state: "State"


# What a step costs whatever its size, in pixels: it reads the filters of all layers and compares Gram
# matrices. 256, 512 and 1024 pixels in docs/benchmarks.md give 9000; sizes below, 5000, and 20000 on a
# machine with smaller caches.
_FIXED_PIXELS = 10000


class StateWatch:
    """Turns states into progress; `margin` is that of the settings."""

    def __init__(self, scales: "Sequence[Scale]", margin: int) -> None:
        self._scales = scales
        self._watch = Stopwatch(
            *(
                (scale.num_steps, (scale.height + 2 * margin) * (scale.width + 2 * margin))
                for scale in scales
            ),
            fixed=_FIXED_PIXELS,
        )

    def steps_done(self, state: "State | None") -> int:
        """Steps over all scales that lie behind a state; 0 for None."""
        if state is None:
            return 0
        return sum(scale.num_steps for scale in self._scales[: state.scale]) + state.step

    def leave_out(self, seconds: float) -> None:
        """Doesn't count a time in which the run waited."""
        self._watch.leave_out(seconds)

    def see(self, state: "State") -> OptimizationProgress:
        """Takes the time of a step that has just ended."""
        height, width = state.image.shape[:2]
        seen = self._watch.see(self.steps_done(state), f"{width}x{height}", summed_losses(state.losses))
        return OptimizationProgress(
            **vars(seen), scale=state.scale + 1, num_scales=len(self._scales), state=state
        )


def summed_losses(losses: Mapping[str, float]) -> dict[str, float]:
    """Losses with the layers of a kind added up: total, content, style, total_variation, color_variation."""
    return {"total": losses.get("total", 0.0), **sums_by_kind(losses)}
