"""Central differences of a cost, and whether a derivative agrees with them.

    (cost(w + h) - cost(w - h)) / 2h

differs from the derivative by O(h²) where the cost is smooth; where it has a kink, as at a ReLU's 0, there
may be no derivative to agree with, which is told apart.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from nst_keras.errors import InputError

Parameters = Mapping[str, np.ndarray]
Cost = Callable[[Parameters], float]

RIGHT, WRONG = 1e-5, 1e-3  # relative errors: ok below the first, wrong above the second
_SHRINK = (1.0, 0.1, 0.01)  # of h; a kink that was crossed isn't crossed any more by a smaller step
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Samples:
    """Some elements of one parameter; all arrays are [n]."""

    index: np.ndarray  # flat positions
    analytic: np.ndarray  # derivatives, as the caller says
    numeric: np.ndarray  # central differences
    error: np.ndarray  # relative errors less what rounding explains, 0..1
    kink: np.ndarray  # whether the cost has a kink there


class CentralDifferences:
    """Takes differences of a cost, h = `step`, around parameters, which are copied to float64.

    `noise` is what a difference may be off by, absolutely, as the cost is rounded.
    """

    def __init__(self, cost: Cost, parameters: Parameters, step: float) -> None:
        self._cost, self._step = cost, step
        self._values = {name: np.array(value, np.float64, order="C") for name, value in parameters.items()}
        first, second = self._evaluate(), self._evaluate()
        if not np.isfinite(first):
            raise InputError(f"cost must be a finite number. Received: {first}")
        if abs(first - second) > 1e-12 * max(1.0, abs(first)):
            raise InputError(
                f"cost must be the same at each call, without dropout. Received: {first} and {second}"
            )
        self._middle = first
        self.noise = 4 * _EPS * max(1.0, abs(first)) / step

    def _evaluate(self) -> float:
        return float(self._cost(self._values))

    def sample(self, name: str, derivatives: np.ndarray, index: np.ndarray) -> Samples:
        """Compares one parameter's derivatives, in its order of elements, at flat positions."""
        analytic = derivatives.reshape(-1)[index]
        results = [self._compare(name, int(place), one) for place, one in zip(index, analytic, strict=True)]
        numeric, error, kink = (np.array(column) for column in zip(*results, strict=True))
        return Samples(index, analytic, numeric, error, kink.astype(bool))

    def _compare(self, name: str, position: int, analytic: float) -> tuple[float, float, bool]:
        """Numeric derivative, relative error and whether there is a kink, at one element."""
        slopes = [self._slopes(name, position, self._step)]
        numeric = sum(slopes[0]) / 2
        error = relative_error(analytic, numeric, self.noise)
        if error <= RIGHT:
            return numeric, error, False
        for shrink in _SHRINK[1:]:
            rounding = self.noise / shrink
            if abs(numeric - analytic) < 10 * rounding:
                break  # a smaller step is too rough to tell a kink from a mistake
            slopes.append(self._slopes(name, position, self._step * shrink))
            if relative_error(analytic, sum(slopes[-1]) / 2, rounding) <= RIGHT:
                return sum(slopes[-1]) / 2, 0.0, True
        rounding = 2 * self.noise / _SHRINK[len(slopes) - 1]
        return numeric, error, _is_subgradient(analytic, slopes[-1], rounding)

    def _slopes(self, name: str, position: int, step: float) -> tuple[float, float]:
        """Slopes of the cost to the left and to the right."""
        flat = self._values[name].reshape(-1)
        kept = flat[position]
        costs = []
        for moved in (kept - step, kept + step):
            flat[position] = moved
            costs.append(self._evaluate())
        flat[position] = kept
        return (self._middle - costs[0]) / step, (costs[1] - self._middle) / step


def root_mean_square(array: np.ndarray) -> float:
    """Returns the square root of the mean of the squares, taken in float64."""
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))


def relative_error(analytic: float, numeric: float, noise: float = 0.0) -> float:
    """Returns |a - n| / (|a| + |n|) of two derivatives, 0..1, less what noise explains; NaN counts as 1."""
    difference = max(abs(analytic - numeric) - noise, 0.0)
    if not np.isfinite(difference):
        return 1.0
    return float(difference / max(abs(analytic) + abs(numeric), np.finfo(np.float64).tiny))


def _is_subgradient(analytic: float, slopes: tuple[float, float], rounding: float) -> bool:
    """On a kink the two sides differ in slope, and any value between them is a subgradient."""
    kink = relative_error(*slopes, 2 * rounding) > WRONG
    return bool(kink and min(slopes) - rounding <= analytic <= max(slopes) + rounding)
