"""Rosenblatt's perceptron as an estimator."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from nst_keras.errors import require_choice
from nst_keras.estimators.inputs import Array, check_classes, check_training_data, require_positive
from nst_keras.estimators.linear import LinearClassifier

CONVENTIONS = ("sklearn", "notebook")


class Perceptron(LinearClassifier):
    """Perceptron: one update for each example that is classified wrong (Rosenblatt 1958).

    Labels become y = -1 and 1, weights start from zero, z = w·x + b, and each wrong example in turn moves

        w <- w + step y x
        b <- b + step y

    until an epoch has no error. More than two classes have one unit each, against the rest. What is wrong
    and how far to step differs between the sources:

    - `convention="sklearn"`: wrong is y z <= 0, so that 0 is always wrong, and the step is eta. After each
      epoch the weights equal those of `sklearn.linear_model.Perceptron(eta0=eta, shuffle=False, tol=None)`.
    - `convention="notebook"`: the code of Raschka, Python Machine Learning (2015), chapter 2, which the
      notebook uses. An answer is 1 if z >= 0 and else -1, so that 0 is right for y = 1; the step is
      eta (y - answer), which is 2 eta y for a wrong one.

    From zero weights the size of eta scales them all and changes no answer in either.

    Args:
        eta: Step size, above 0.
        n_iter: Greatest number of epochs.
        shuffle: Whether each epoch takes the examples in a new order.
        random_state: Seed or generator of the orders.
        convention: "sklearn" or "notebook".

    Attributes:
        classes_: Labels, sorted, [C].
        coef_: Weights, [1, features] for two classes (of `classes_[1]`), else [C, features].
        intercept_: Biases, [1] or [C].
        w_: Both, bias first, as the notebook holds them.
        errors_: Updates of each epoch, of all units together, [n_iter_].
        n_iter_: Epochs taken.
        n_features_in_: Features of an example.

    Example:
        >>> Perceptron(eta=0.1).fit([[0.0, 1.0], [1.0, 0.0]], ["no", "yes"]).predict([[2.0, 1.0]])
        array(['yes'], dtype='<U3')
    """

    def __init__(
        self,
        eta: float = 1.0,
        n_iter: int = 50,
        shuffle: bool = False,
        random_state: int | np.random.RandomState | None = None,
        convention: str = "sklearn",
    ) -> None:
        self.eta = eta
        self.n_iter = n_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.convention = convention

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> "Perceptron":
        """Learns from examples [n, features] and labels [n], from zero weights.

        Raises:
            InputError: If a setting is out of range or there are fewer than two classes.
            ValueError: If `X` and `y` don't fit together, or hold what isn't a number.
            TypeError: If `X` is sparse.
        """
        require_positive("eta", self.eta)
        require_positive("n_iter", self.n_iter, whole=True)
        require_choice("convention", self.convention, CONVENTIONS)
        x, labels = check_training_data(self, X, y)
        self._start(x, check_classes(labels))
        signs = self._signs(labels, x.dtype)
        random = check_random_state(self.random_state)
        errors: list[int] = []
        while len(errors) < self.n_iter and (not errors or errors[-1]):
            order = random.permutation(len(x)) if self.shuffle else range(len(x))
            errors.append(self._learn_epoch(x, signs, order))
        self.errors_ = np.array(errors)
        self.n_iter_ = len(errors)
        return self

    def predict(self, X: npt.ArrayLike) -> npt.NDArray:
        """Labels of examples [n, features], [n]; of two classes, a net input of exactly 0 gives the first.

        With `convention="notebook"` it gives the second, as in training.
        """
        net_inputs = self.decision_function(X)
        if self.convention == "notebook" and net_inputs.ndim == 1:
            return self.classes_[(net_inputs >= 0).astype(int)]
        return super().predict(X)

    def _learn_epoch(self, x: Array, signs: Array, order: Any) -> int:
        """Shows every example once and returns the number of updates."""
        weights, biases = self.coef_, self.intercept_
        from_zero = self.convention == "notebook"
        step = x.dtype.type(2 * self.eta if from_zero else self.eta)
        errors = 0
        for row in order:
            example, wanted = x[row], signs[row]
            net_inputs = weights @ example + biases
            wrong = (net_inputs >= 0) != (wanted > 0) if from_zero else net_inputs * wanted <= 0
            # Few units are wrong about an example: their rows alone are touched.
            for unit in wrong.nonzero()[0]:
                change = step * wanted[unit]
                weights[unit] += change * example
                biases[unit] += change
                errors += 1
        return errors
