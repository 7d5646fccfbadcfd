"""Checks of data and settings that all estimators make."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from nst_keras.errors import InputError

Array = npt.NDArray[np.floating]
DTYPES = (np.float64, np.float32)


def check_training_data(
    estimator: BaseEstimator, x: Any, y: Any, *, reset: bool = True
) -> tuple[Array, npt.NDArray]:
    """Returns examples [n, features], in float32 if they came so, else float64, and labels [n]."""
    x, y = validate_data(estimator, x, y, dtype=DTYPES, reset=reset)
    check_classification_targets(y)
    return x, y


def check_classes(labels: npt.ArrayLike) -> npt.NDArray:
    """Returns the classes, at least two, sorted."""
    classes = np.unique(labels)
    if len(classes) < 2:
        raise InputError(f"y must have at least 2 classes. Received: {len(classes)} class, {classes}")
    return classes


def class_ids(labels: npt.NDArray, classes: npt.NDArray) -> npt.NDArray[np.intp]:
    """Labels as indices into `classes`, [n], of which each must be one."""
    unknown = np.setdiff1d(labels, classes)
    if len(unknown):
        raise InputError(f"y must hold the classes {classes} alone. Received: {unknown}")
    return np.searchsorted(classes, labels)


def require_positive(name: str, value: float, *, whole: bool = False) -> None:
    """Raises InputError if a setting isn't a finite number above 0, or isn't whole if it has to be."""
    fits = isinstance(value, int | np.integer) if whole else isinstance(value, int | float | np.number)
    if isinstance(value, bool) or not fits or not math.isfinite(value) or value <= 0:
        kind = "a whole number, at least 1" if whole else "a finite number above 0"
        raise InputError(f"{name} must be {kind}. Received: {name}={value}")
