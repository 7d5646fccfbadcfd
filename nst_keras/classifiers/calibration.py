"""How far probabilities and accuracies can be believed."""

import math

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from scipy.stats import binomtest

from nst_keras.classifiers.trainer import cross_entropy

_TEMPERATURES = (0.25, 20.0)
_LEAST_PICTURES = 50
_BINS = 15


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
    chances = softmax(logits / temperature, axis=1)
    sure, right = chances.max(axis=1), chances.argmax(axis=1) == labels
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    gaps = [abs(np.sum(sure[bins == number] - right[bins == number])) for number in range(_BINS)]
    return float(sum(gaps) / len(labels))


def accuracy_interval(correct: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's (1927) interval for a share: what accuracy the test is evidence of."""
    interval = binomtest(correct, count).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)
