"""How far probabilities and accuracies can be believed."""

import math

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import softmax
from scipy.stats import binomtest, norm

from nst_keras.classifiers.trainer import cross_entropy

_TEMPERATURES = (0.25, 20.0)
_LEAST_PICTURES = 50
BINS = 15


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Returns the temperature T whose softmax(logits / T) has the least cross-entropy (Guo et al. 2017).

    Above 1 for a network that is too sure. No class changes, only how sure of it the network says it is. It
    lies in 0.25..20, and is 1 for fewer than 50 pictures, which tell too little. None of them, whose logits
    are [n, classes], may have been trained on.
    """
    if len(labels) < _LEAST_PICTURES:
        return 1.0

    def loss(log_temperature: float) -> float:
        return cross_entropy(logits / math.exp(log_temperature), labels)

    bounds = [math.log(bound) for bound in _TEMPERATURES]
    return math.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x)


def calibration_error(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> float:
    """Expected calibration error: mean gap between confidence and accuracy over 15 bins (Guo et al. 2017)."""
    (sure, bins), right = confidence_bins(logits, temperature), logits.argmax(axis=1) == labels
    gaps = [abs(np.sum(sure[bins == number] - right[bins == number])) for number in range(BINS)]
    return float(sum(gaps) / len(labels))


def confidence_bins(logits: np.ndarray, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Confidence of each answer, from logits [n, classes], and its bin from 0 to `BINS` - 1; both [n]."""
    sure = softmax(logits / temperature, axis=1).max(axis=1)
    return sure, np.minimum((sure * BINS).astype(int), BINS - 1)


def accuracy_interval(correct: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's (1927) interval for a share: what accuracy the test is evidence of."""
    interval = binomtest(correct, count).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def difference_interval(gained: int, lost: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval for how much more often one classifier is right than another on the same pictures.

    Of `count` pictures, the one alone is right about the `gained`, the other alone about the `lost`. By
    Tango's score test (1998), which holds for few pictures, too, and for classifiers that agree on all.
    """
    limit = float(norm.ppf((1 + confidence) / 2))

    def score(difference: float) -> float:
        a, c = 2 * count, -lost * difference * (1 - difference)
        b = -gained - lost + (2 * count - gained + lost) * difference
        share = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
        variance = count * (2 * share + difference * (1 - difference))
        excess = gained - lost - count * difference
        if abs(excess) < 1e-9:
            return 0.0
        return excess / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, excess)

    middle, end = (gained - lost) / count, 1 - 1e-12
    low = brentq(lambda d: min(score(d), 1e6) - limit, -end, middle) if score(-end) > limit else -1.0
    high = brentq(lambda d: max(score(d), -1e6) + limit, middle, end) if score(end) < -limit else 1.0
    return float(low), float(high)
