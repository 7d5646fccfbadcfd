"""What the perceptron and ADALINE share as estimators: one unit for two classes, else one per class."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from nst_keras.estimators.inputs import DTYPES, Array, class_ids


class LinearClassifier(ClassifierMixin, BaseEstimator):
    """Classifies by the sign of one net input, or by the greatest of several, one class against the rest.

    All methods that take examples raise ValueError if those aren't numbers of the shape that was fitted.
    """

    classes_: npt.NDArray  # labels, sorted, [C]
    coef_: Array  # weights, [units, features]; a single unit, that of `classes_[1]`, for two classes
    intercept_: Array  # biases, [units]

    @property
    def w_(self) -> Array:
        """The notebook's weights, bias first: [1 + features] for two classes, else [C, 1 + features]."""
        check_is_fitted(self)
        weights = np.column_stack([self.intercept_, self.coef_])
        return weights[0] if len(weights) == 1 else weights

    def decision_function(self, X: npt.ArrayLike) -> Array:
        """Net inputs of examples [n, features]: [n] for two classes, else [n, C]."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=DTYPES, reset=False)
        net_inputs = x @ self.coef_.T + self.intercept_
        return net_inputs[:, 0] if len(self.coef_) == 1 else net_inputs

    def predict(self, X: npt.ArrayLike) -> npt.NDArray:
        """Labels of examples [n, features], [n]; a single net input of exactly 0 gives `classes_[0]`."""
        net_inputs = self.decision_function(X)
        # As scikit-learn decides ties; the notebook gives 0 to the second class.
        ids = (net_inputs > 0).astype(int) if net_inputs.ndim == 1 else net_inputs.argmax(axis=1)
        return self.classes_[ids]

    def _start(self, x: Array, classes: npt.NDArray) -> None:
        """Weights of zero, in the dtype of the examples."""
        units = 1 if len(classes) == 2 else len(classes)
        self.classes_ = classes
        self.coef_ = np.zeros((units, x.shape[1]), x.dtype)
        self.intercept_ = np.zeros(units, x.dtype)

    def _signs(self, labels: npt.NDArray, dtype: Any) -> Array:
        """What each unit should answer, [n, units]: 1 for its class, else -1."""
        units = np.arange(len(self.classes_)) if len(self.coef_) > 1 else np.array([1])
        return np.where(class_ids(labels, self.classes_)[:, None] == units, 1, -1).astype(dtype)
