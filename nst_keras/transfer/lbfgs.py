"""L-BFGS within bounds for pictures, whose past steps take much memory and whose white skies lie at a bound.

SciPy's L-BFGS-B ends each step at the first bounds that it meets, a multitude in a photo: where style counts
much it hardly moved for twenty steps (docs/benchmarks.md). It also keeps past steps in float64.
"""

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

# From a position to the loss there and its gradient.
LossAndGradient = Callable[[np.ndarray], tuple[float, np.ndarray]]

_DECREASE, _CURVATURE = 1e-4, 0.9  # Nocedal & Wright 2006, eq. 3.6, with their values for quasi-Newton
_MOST_TRIALS = 20  # of a line search
_CHUNK = 1 << 20  # elements that are converted and added up at a time


class ProjectedLBFGS:
    """A quasi-Newton method whose steps are clipped to bounds (Nocedal & Wright 2006, algorithm 7.4).

    Values at a bound that the gradient pushes against take no part in a step (Bertsekas 1982). Steps meet
    the weak Wolfe conditions, found by bisection (Lewis & Overton 2013). Past steps are kept in float16.

    Args:
        loss_and_gradient: Of a position.
        position: Where to start, float32 [n], within the bounds.
        bounds: Least and largest value of every element.
        history_size: Past steps to keep.

    Attributes:
        position: Where the last step ended.
    """

    def __init__(
        self,
        loss_and_gradient: LossAndGradient,
        position: np.ndarray,
        bounds: tuple[float, float],
        history_size: int,
    ) -> None:
        self.position = position
        self._evaluate, self._bounds = loss_and_gradient, bounds
        self._loss, self._gradient = loss_and_gradient(position)
        self._pairs: deque[tuple[_Half, _Half, float]] = deque(maxlen=history_size)

    def step(self) -> bool:
        """Goes to a lower loss, and tells whether it found one."""
        while not self._search(self._direction()):
            if not self._pairs:
                return False
            self._pairs.clear()  # they may mislead: try once more, straight down
        return True

    def _direction(self) -> np.ndarray:
        low, high = self._bounds
        pushed = (self.position <= low) & (self._gradient > 0)
        pushed |= (self.position >= high) & (self._gradient < 0)
        direction = np.where(pushed, np.float32(0), -self._gradient)
        if not self._pairs:
            size = np.sqrt(_dot(direction, direction) / direction.size)
            return direction / np.float32(max(size, 1e-30))
        shares = []
        for moved, turned, product in reversed(self._pairs):
            shares.append(moved.dot(direction) / product)
            turned.add_to(direction, -shares[-1])
        _, turned, product = self._pairs[-1]
        direction *= np.float32(product / turned.square)
        for (moved, turned, product), share in zip(self._pairs, reversed(shares), strict=True):
            moved.add_to(direction, share - turned.dot(direction) / product)
        direction[pushed] = 0
        return direction

    def _search(self, direction: np.ndarray) -> bool:
        """Takes a step along a direction if one lowers the loss enough."""
        shortest, longest, length = 0.0, np.inf, 1.0
        for _ in range(_MOST_TRIALS):
            position = np.clip(self.position + np.float32(length) * direction, *self._bounds)
            moved = position - self.position
            slope = _dot(self._gradient, moved)
            if slope >= 0:
                return False
            loss, gradient = self._evaluate(position)
            if loss > self._loss + _DECREASE * slope:
                longest = length
            elif _dot(gradient, moved) < _CURVATURE * slope:
                shortest = length
            else:
                break
            length = (shortest + longest) / 2 if np.isfinite(longest) else 4 * length
        else:
            return False
        kept, turned = _Half(moved), _Half(gradient - self._gradient)
        product = turned.dot(moved)
        if product > 0:
            self._pairs.append((kept, turned, product))
        self.position, self._loss, self._gradient = position, loss, gradient
        return True


class _Half:
    """A vector in float16, by its largest value; products with it are in float32 and added up in float64."""

    def __init__(self, vector: np.ndarray) -> None:
        self._scale = max(float(np.abs(vector).max()), 1e-30)
        self._values = np.empty(vector.shape, np.float16)
        for piece in _pieces(vector):
            self._values[piece] = vector[piece] / np.float32(self._scale)
        self.square = _dot(vector, vector)

    def dot(self, vector: np.ndarray) -> float:
        return self._scale * _dot(self._values, vector)

    def add_to(self, vector: np.ndarray, factor: float) -> None:
        for piece in _pieces(vector):
            vector[piece] += np.float32(factor * self._scale) * self._values[piece].astype(np.float32)


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return sum(float(np.dot(a[piece].astype(np.float32, copy=False), b[piece])) for piece in _pieces(b))


def _pieces(vector: np.ndarray) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, vector.size, _CHUNK))
