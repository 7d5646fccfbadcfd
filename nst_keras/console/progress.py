"""How far a run is, and when it will be done."""

import bisect
import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, repr=False)
class Progress:
    """A moment of a run; its text is a line for people. Numbers are None before they are known."""

    step: int  # steps done, also those before the run that this one goes on from
    num_steps: int  # in all; 0 if that isn't known
    place: str = ""  # where the step is in the run, in words, such as an epoch or a size
    values: Mapping[str, float] = field(default_factory=dict)  # what is shown of it, by name
    seconds_per_step: float | None = None  # mean of the steps that cost as much
    seconds_left: float | None = None
    images_per_second: float | None = None  # None, too, if steps aren't counted so
    unit: str = "step"  # what a step is called

    def __repr__(self) -> str:
        """The line, also of kinds that hold pictures."""
        return f"<{self}>"

    def __str__(self) -> str:
        """Step, place, values, speed and time left, as far as they are known."""
        parts = [f"{self.unit} {self.step}/{self.num_steps or '?'}"]
        parts += [self.place] if self.place else []
        parts += [f"{name} {value:.4g}" for name, value in self.values.items()]
        if self.images_per_second is not None:
            parts.append(f"{self.images_per_second:.0f} images/s")
        elif self.seconds_per_step is not None:
            parts.append(f"{self.seconds_per_step:.2f} s/{self.unit}")
        if self.seconds_left is not None:
            parts.append(f"ETA {format_seconds(self.seconds_left)}")
        return "  ".join(parts)


_FAR_FROM_GUESS = 10  # times as much


class Stopwatch:
    """Times steps; the first one that is seen isn't timed, since it includes tracing.

    Args:
        stretches: Parts of the run, one after the other: steps, and a step's size in some unit, such as
            pixels. The first step of each isn't timed either.
        fixed: What a step costs whatever its size, in that unit; a guess, until two stretches are timed.
        images_per_step: For speeds in images per second.
        unit: What a step is called.
    """

    def __init__(
        self,
        *stretches: tuple[int, float],
        fixed: float = 0.0,
        images_per_step: int = 0,
        unit: str = "step",
    ) -> None:
        self._stretches, self._fixed, self._guess = stretches, fixed, fixed
        self._ends = list(itertools.accumulate(steps for steps, _ in stretches))
        self._images, self._unit = images_per_step, unit
        self._first: tuple[int, int, float] = (-1, 0, 0.0)  # stretch, step, time
        self._before: tuple[float, float] | None = None  # size and pace of the stretch before
        self._here: tuple[float, float] | None = None

    def see(self, step: int, place: str = "", values: Mapping[str, float] | None = None) -> Progress:
        """Takes the time of a step that has just ended."""
        now = time.monotonic()
        stretch = min(bisect.bisect_left(self._ends, step), len(self._ends) - 1)
        if stretch != self._first[0]:
            self._first = (stretch, step, now)
            self._before, self._here = self._here, None
        steps, size = step - self._first[1], self._stretches[stretch][1]
        pace = (now - self._first[2]) / steps if steps else None
        if pace is not None:
            self._here = (size, pace)
            if self._before:
                self._fit(self._before, self._here)
        return Progress(
            step=step,
            num_steps=self._ends[-1],
            place=place,
            values=values or {},
            seconds_per_step=pace,
            seconds_left=self._seconds_left(step, stretch),
            images_per_second=self._images / pace if pace and self._images else None,
            unit=self._unit,
        )

    def leave_out(self, seconds: float) -> None:
        """Doesn't count a time in which nothing was to be done."""
        stretch, step, began = self._first
        self._first = (stretch, step, began + seconds)

    def _seconds_left(self, step: int, stretch: int) -> float | None:
        timed = self._here or self._before
        if timed is None or not self._ends[-1]:
            return None
        fixed, (size, pace) = self._fixed, timed
        rest = [(self._ends[stretch] - step, self._stretches[stretch][1]), *self._stretches[stretch + 1 :]]
        return sum(steps * pace * (other + fixed) / (size + fixed) for steps, other in rest)

    def _fit(self, before: tuple[float, float], here: tuple[float, float]) -> None:
        """Solves pace / pace before = (size + fixed) / (size before + fixed)."""
        (size, pace), (size_now, pace_now) = before, here
        rise = max(pace_now - pace, 1e-3 * pace_now)  # where size costs nothing, fixed is large
        fixed = max(pace * size_now - pace_now * size, 0.0) / rise
        # Caches favour small sizes, as if more were fixed: half way to it, if it isn't far from the guess.
        between = self._guess < fixed < _FAR_FROM_GUESS * self._guess
        self._fixed = (fixed * self._guess) ** 0.5 if between else fixed


def sums_by_kind(terms: Mapping[str, float]) -> dict[str, float]:
    """Adds up the terms of a kind, which names such as `style/relu1_1` begin with."""
    sums: dict[str, float] = {}
    for name, value in terms.items():
        kind = name.partition("/")[0]
        sums[kind] = sums.get(kind, 0.0) + value
    return sums


def format_seconds(seconds: float) -> str:
    """Minutes and seconds, with hours when there are any."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
