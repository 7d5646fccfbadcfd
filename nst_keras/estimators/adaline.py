"""ADALINE, the adaptive linear neuron (Widrow & Hoff 1960), by batch and by stochastic gradient descent.

Labels become y = -1 and 1, weights start from zero, and z = w·x + b is fitted to y by least squares. Costs
and steps are those of Raschka, Python Machine Learning (2015), chapter 2. More than two classes have one
unit each, against the rest, and their costs are added.
"""

import warnings

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from nst_keras.errors import InputError
from nst_keras.estimators.inputs import Array, check_classes, check_training_data, require_positive
from nst_keras.estimators.linear import LinearClassifier

# Part of an example's error that a stochastic step takes away if no eta is given.
_ALPHA = 0.05


class AdalineGD(LinearClassifier):
    """ADALINE by batch gradient descent: one step an epoch, for all examples together.

        J(w, b) = 1/2 ∑_i (y_i - z_i)²
        w <- w + eta ∑_i (y_i - z_i) x_i
        b <- b + eta ∑_i (y_i - z_i)

    Cost and step are sums, as in the book, so an eta that suits 100 examples is too large for 10 000. The
    cost falls as long as eta < 2/λ, with λ the greatest eigenvalue of the examples' ∑ [1, x][1, x]ᵀ; beyond,
    it grows without end and `fit` says so.

    Args:
        eta: Step size, above 0; None takes 1/λ, which always converges.
        n_iter: Number of epochs.

    Attributes:
        classes_: Labels, sorted, [C].
        coef_: Weights, [1, features] for two classes (of `classes_[1]`), else [C, features].
        intercept_: Biases, [1] or [C].
        w_: Both, bias first, as the notebook holds them.
        cost_: J before the step of each epoch, [n_iter_].
        eta_: Step size that was used.
        n_iter_: Epochs taken; fewer than `n_iter` if numbers became too large.
        n_features_in_: Features of an example.

    Example:
        >>> AdalineGD(eta=0.1).fit([[-1.0], [1.0]], ["no", "yes"]).predict([[0.5]])
        array(['yes'], dtype='<U3')
    """

    def __init__(self, eta: float | None = None, n_iter: int = 50) -> None:
        self.eta = eta
        self.n_iter = n_iter

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> "AdalineGD":
        """Learns from examples [n, features] and labels [n], from zero weights.

        Warns:
            ConvergenceWarning: If the cost grows. The weights are those of the last finite step.

        Raises:
            InputError: If a setting is out of range or there are fewer than two classes.
            ValueError: If `X` and `y` don't fit together, or hold what isn't a number.
            TypeError: If `X` is sparse.
        """
        _check_settings(self.eta, self.n_iter)
        x, labels = check_training_data(self, X, y)
        self._start(x, check_classes(labels))
        targets = self._signs(labels, x.dtype)
        self.eta_ = float(1 / _greatest_eigenvalue(x) if self.eta is None else self.eta)
        costs: list[float] = []
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(self.n_iter):
                errors = targets - (x @ self.coef_.T + self.intercept_)
                cost = float(np.sum(errors**2) / 2)
                coef = self.coef_ + self.eta_ * errors.T @ x
                if not (np.isfinite(cost) and np.isfinite(coef).all()):
                    break
                costs.append(cost)
                self.coef_, self.intercept_ = coef, self.intercept_ + self.eta_ * errors.sum(axis=0)
        self.cost_, self.n_iter_ = np.array(costs), len(costs)
        # A stable step never raises the cost, but for rounding.
        if len(costs) < self.n_iter or (len(costs) > 1 and costs[-1] > costs[-2] * (1 + 1e-5)):
            _warn(self.eta_, costs, f"below {2 / _greatest_eigenvalue(x):.2g} for these examples")
        return self


class AdalineSGD(LinearClassifier):
    """ADALINE by stochastic gradient descent: one step for each example, the LMS rule.

        w <- w + eta (y - z) x
        b <- b + eta (y - z)

    It converges if eta is well below 2/(1 + |x|²) for every x. Without an eta, each example has its own,
    0.05/(1 + |x|²), which takes away 5 % of its error: Widrow and Hoff's own rule, later called α-LMS
    (Widrow & Lehr 1990).

    Args:
        eta: Step size, above 0; None for one that suits each example.
        n_iter: Number of epochs.
        shuffle: Whether each epoch takes the examples in a new order.
        random_state: Seed or generator of the orders.

    Attributes:
        classes_: Labels, sorted, [C].
        coef_: Weights, [1, features] for two classes (of `classes_[1]`), else [C, features].
        intercept_: Biases, [1] or [C].
        w_: Both, bias first, as the notebook holds them.
        cost_: Mean over the examples of 1/2 (y - z)², each before its step, of every epoch and of every
            `partial_fit`, [n_iter_].
        n_iter_: Epochs taken, a `partial_fit` counting as one.
        n_features_in_: Features of an example.

    Example:
        >>> AdalineSGD(random_state=1).fit([[-1.0], [1.0]], ["no", "yes"]).predict([[0.5]])
        array(['yes'], dtype='<U3')
    """

    def __init__(
        self,
        eta: float | None = None,
        n_iter: int = 50,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.eta = eta
        self.n_iter = n_iter
        self.shuffle = shuffle
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> "AdalineSGD":
        """Learns from examples [n, features] and labels [n], from zero weights.

        Warns:
            ConvergenceWarning: If the cost grows. The weights are those of the last finite epoch.

        Raises:
            InputError: If a setting is out of range or there are fewer than two classes.
            ValueError: If `X` and `y` don't fit together, or hold what isn't a number.
            TypeError: If `X` is sparse.
        """
        _check_settings(self.eta, self.n_iter)
        x, labels = check_training_data(self, X, y)
        self._start(x, check_classes(labels))
        self.cost_, self.n_iter_ = np.array([]), 0
        targets = self._signs(labels, x.dtype)
        random = check_random_state(self.random_state)
        for _ in range(self.n_iter):
            order = random.permutation(len(x)) if self.shuffle else np.arange(len(x))
            if not self._learn_epoch(x, targets, order):
                break
        return self

    def partial_fit(
        self, X: npt.ArrayLike, y: npt.ArrayLike, classes: npt.ArrayLike | None = None
    ) -> "AdalineSGD":
        """Goes on from the weights there are, once through examples [n, features] in their order.

        Args:
            X: Examples.
            y: Labels, [n].
            classes: All labels there will ever be; needed in the first call if `y` lacks any of them.

        Raises:
            InputError: If a label isn't among the classes, or those aren't the first call's.
            ValueError: If `X` and `y` don't fit together, or hold what isn't a number.
            TypeError: If `X` is sparse.
        """
        _check_settings(self.eta, self.n_iter)
        first = not hasattr(self, "classes_")
        x, labels = check_training_data(self, X, y, reset=first)
        if first:
            self._start(x, check_classes(labels if classes is None else classes))
            self.cost_, self.n_iter_ = np.array([]), 0
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise InputError(f"classes must be the first call's, {self.classes_}. Received: {classes}")
        self._learn_epoch(x, self._signs(labels, x.dtype), np.arange(len(x)))
        return self

    def _learn_epoch(self, x: Array, targets: Array, order: npt.NDArray[np.integer]) -> bool:
        """Shows every example once; tells whether the numbers stayed finite."""
        weights, biases = self.coef_.copy(), self.intercept_.copy()
        rates = np.full(len(x), self.eta, x.dtype) if self.eta else _ALPHA / (1 + _squares(x))
        total = 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            for row in order:
                error = targets[row] - (weights @ x[row] + biases)
                change = rates[row] * error
                weights += change[:, None] * x[row]
                biases += change
                total += error @ error
        cost = float(total / (2 * len(x)))
        finite = bool(np.isfinite(cost) and np.isfinite(weights).all())
        if finite:
            self.coef_, self.intercept_ = weights, biases
            self.cost_, self.n_iter_ = np.append(self.cost_, cost), self.n_iter_ + 1
        # Zero weights cost 1/2 a unit; noise alone doesn't double it.
        if not finite or cost > targets.shape[1]:
            _warn(self.eta, [targets.shape[1] / 2, cost], f"well below {2 / (1 + _squares(x).max()):.2g}")
        return finite


def _check_settings(eta: float | None, n_iter: int) -> None:
    if eta is not None:
        require_positive("eta", eta)
    require_positive("n_iter", n_iter, whole=True)


def _greatest_eigenvalue(x: Array) -> float:
    """λ of ∑ [1, x][1, x]ᵀ over the examples, by power iteration; a few per cent are near enough."""
    vector = np.random.default_rng(0).standard_normal(1 + x.shape[1]).astype(x.dtype)
    for _ in range(30):
        vector /= np.linalg.norm(vector)
        images = vector[0] + x @ vector[1:]
        vector = np.concatenate([[images.sum()], images @ x])
    return float(np.linalg.norm(vector))


def _squares(x: Array) -> Array:
    """|x|² of each example, [n]."""
    return np.einsum("ij,ij->i", x, x)


def _warn(eta: float | None, costs: list[float], bound: str) -> None:
    warnings.warn(
        f"ADALINE diverges: the cost went from {costs[0]:.3g} to {costs[-1]:.3g} with eta={eta}. Choose an "
        f"eta {bound}, leave it None, or standardize the features (sklearn.preprocessing.StandardScaler).",
        ConvergenceWarning,
        stacklevel=3,
    )
