"""What kind of mistake a wrong gradient shows, told from how it differs from the numeric one."""

from collections.abc import Iterator

import numpy as np

_CLOSE = 1e-3  # relative difference up to which two vectors are taken to be the same


def name_fault(
    value: np.ndarray,
    given: np.ndarray,
    index: np.ndarray,
    numeric: np.ndarray,
    *,
    batch_size: int = 0,
    noise: float = 0.0,
) -> str:
    """Names what turned a parameter's right gradient into another one, which was given.

    At flat positions, `index` [n], the right derivatives are `numeric` [n], off by up to `noise`; the cost is
    a mean of `batch_size` examples, 0 if not known. Returns one of "wrong shape", "not finite", "missing
    gradient", "sign slip", "scaled by ..." (with the likely reason), "transposed", "weight decay missing",
    "wrong in some elements" and "unlike the numeric gradient"; "transposed" comes before "wrong shape".
    """
    if given.size != value.size:
        return f"wrong shape {list(given.shape)} instead of {list(value.shape)}"
    at = given.reshape(-1)[index]
    if not np.isfinite(at).all():
        return "not finite"
    if given.shape == value.shape:
        if not at.any():
            return "missing gradient"
        if _same(at, -numeric, noise):
            return "sign slip"
        if factor := _constant_factor(at, numeric, noise):
            return _name_factor(factor, batch_size)
    if any(_same(other.reshape(-1)[index], numeric, noise) for other in _transposes(given, value.shape)):
        return "transposed"
    if given.shape != value.shape:
        return f"wrong shape {list(given.shape)} instead of {list(value.shape)}"
    return _name_difference(value.reshape(-1)[index], at, numeric, noise)


def _same(given: np.ndarray, numeric: np.ndarray, noise: float) -> bool:
    """Whether two vectors agree; never for vectors that are zero or too small to tell."""
    size = np.linalg.norm(numeric)
    return bool(size > 10 * noise and np.linalg.norm(given - numeric) <= _CLOSE * size + noise)


def _constant_factor(given: np.ndarray, numeric: np.ndarray, noise: float) -> float:
    """The factor between two vectors that are multiples of each other; 0 if they aren't."""
    # A single number is a multiple of any other: that tells nothing.
    if np.count_nonzero(np.abs(numeric) > 10 * noise) < 2:
        return 0.0
    factor = float(given @ numeric / (numeric @ numeric))
    return factor if factor and _same(given / factor, numeric, noise) else 0.0


def _name_factor(factor: float, batch_size: int) -> str:
    sign = "and sign slip " if factor < 0 else ""
    size = abs(factor)
    reasons = {1 / 2: "a factor 2 forgotten", 2.0: "a factor 2 too many"}
    if batch_size > 1:
        reasons |= {1 / batch_size: "divided by the batch size once too often"}
        reasons |= {float(batch_size): "not divided by the batch size"}
    reason = next((text for known, text in reasons.items() if abs(size / known - 1) < 10 * _CLOSE), "")
    return f"scaled by {size:.4g} {sign}".rstrip() + (f": {reason}" if reason else "")


def _transposes(given: np.ndarray, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """The layouts that a matrix's or a convolution kernel's gradient is confused with."""
    pairs = {(given.ndim - 2, given.ndim - 1), (0, 1)} if given.ndim > 1 else set()
    for first, second in pairs:
        swapped = np.swapaxes(given, first, second)
        if swapped.shape == shape:
            yield swapped
        # The transpose was written into an array of the right shape: the order of the elements is wrong.
        lying = list(given.shape)
        lying[first], lying[second] = lying[second], lying[first]
        restored = np.swapaxes(given.reshape(lying), first, second)
        if restored.shape == shape:
            yield restored


def _name_difference(weights: np.ndarray, given: np.ndarray, numeric: np.ndarray, noise: float) -> str:
    difference = numeric - given
    if decay := _constant_factor(difference, weights, noise):
        return f"weight decay missing: the difference is {decay:.3g} times the weight"
    wrong = np.abs(difference) > _CLOSE * (np.abs(given) + np.abs(numeric)) + noise
    if wrong.mean() <= 0.5:
        return f"wrong in some elements: {int(wrong.sum())} of {len(wrong)}"
    return "unlike the numeric gradient"
