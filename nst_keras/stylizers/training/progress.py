"""How far the training of a stylizer is."""

from collections.abc import Mapping
from dataclasses import dataclass

from nst_keras.console.status_line import format_seconds


@dataclass(frozen=True)
class StylizerProgress:
    """A moment of a training.

    Attributes:
        step: Steps done.
        num_steps: Steps in all.
        terms: The loss's weighted terms by name, means since the last row of the log.
        seconds_per_step: Mean since this run's first step; None before it is known.
    """

    step: int
    num_steps: int
    terms: Mapping[str, float]
    seconds_per_step: float | None

    def __str__(self) -> str:
        """One line of text: step, losses, speed and time left."""
        groups: dict[str, float] = {}
        for name, value in self.terms.items():
            groups[name.partition("/")[0]] = groups.get(name.partition("/")[0], 0.0) + value
        parts = [f"step {self.step}/{self.num_steps}", f"loss {sum(groups.values()):.4g}"]
        parts += [f"{name} {value:.4g}" for name, value in groups.items()]
        if self.seconds_per_step is not None:
            left = self.seconds_per_step * (self.num_steps - self.step)
            parts += [f"{self.seconds_per_step:.2f} s/step", f"ETA {format_seconds(left)}"]
        return "  ".join(parts)
