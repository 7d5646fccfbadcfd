"""The multilayer perceptron of `estimators.backpropagation` as an estimator."""

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from nst_keras.estimators import backpropagation
from nst_keras.estimators.inputs import (
    DTYPES,
    Array,
    check_classes,
    check_training_data,
    class_ids,
    require_positive,
)


class MultilayerPerceptron(ClassifierMixin, BaseEstimator):
    """Layers of units that learn by backpropagation (Rumelhart, Hinton & Williams 1986), in NumPy.

    The cost is the mean cross-entropy of a softmax plus l2/2 ∑ w² over the weights, without the biases. Note
    that `sklearn.neural_network.MLPClassifier` divides its `alpha` by the number of examples in a step.
    Methods that take examples raise ValueError if those aren't numbers of the shape that was fitted.

    Args:
        hidden: Units of each hidden layer.
        activation: Of the hidden layers: "relu", "tanh" or "sigmoid".
        eta: Step size, above 0.
        momentum: Part of the last step that is taken again; at least 0 and below 1.
        l2: λ, at least 0.
        n_iter: Number of epochs.
        batch_size: Examples a step.
        shuffle: Whether each epoch takes the examples in a new order.
        random_state: Seed or generator of start and orders.

    Attributes:
        classes_: Labels, sorted, [C].
        coefs_: Weights of each layer, [units of the layer before, units].
        intercepts_: Biases of each layer, [units].
        cost_: Mean cost of each epoch's steps, each before its step, [n_iter_].
        n_iter_: Epochs taken; fewer than `n_iter` if numbers became too large.
        n_features_in_: Features of an example.

    Example:
        >>> MultilayerPerceptron(hidden=(4,), random_state=0).fit([[-1.0], [1.0]], [0, 1]).predict([[2.0]])
        array([1])
    """

    def __init__(
        self,
        hidden: Sequence[int] = (64,),
        activation: str = "relu",
        eta: float = 0.02,
        momentum: float = 0.9,
        l2: float = 1e-4,
        n_iter: int = 50,
        batch_size: int = 32,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.eta = eta
        self.momentum = momentum
        self.l2 = l2
        self.n_iter = n_iter
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> "MultilayerPerceptron":
        """Learns from examples [n, features] and labels [n], from a new start.

        Warns:
            ConvergenceWarning: If numbers become too large. The weights are those of the last epoch before.

        Raises:
            InputError: If a setting is out of range or there are fewer than two classes.
            ValueError: If `X` and `y` don't fit together, or hold what isn't a number.
            TypeError: If `X` is sparse.
        """
        for name in ("n_iter", "batch_size"):
            require_positive(name, getattr(self, name), whole=True)
        for units in self.hidden:
            require_positive("hidden", units, whole=True)
        x, labels = check_training_data(self, X, y)
        self.classes_ = check_classes(labels)
        settings = backpropagation.TrainingSettings(
            activation=self.activation,
            eta=self.eta,
            momentum=self.momentum,
            l2=self.l2,
            batch_size=self.batch_size,
            n_epochs=self.n_iter,
            shuffle=self.shuffle,
            seed=int(check_random_state(self.random_state).randint(2**31)),
        )
        self._train(x, class_ids(labels, self.classes_), settings)
        return self

    def _train(self, x: Array, ids: npt.NDArray, settings: backpropagation.TrainingSettings) -> None:
        rng = np.random.default_rng(settings.seed)
        sizes = [x.shape[1], *self.hidden, len(self.classes_)]
        params = backpropagation.initialize(sizes, rng, activation=self.activation, dtype=x.dtype)
        costs: list[float] = []
        with np.errstate(over="ignore", invalid="ignore"):
            for new, cost in backpropagation.train(params, x, ids, settings):
                # Weights that overflow in an epoch's last step would show only in the next cost.
                if not np.isfinite([cost, *(array.sum() for pair in new for array in pair)]).all():
                    break
                params = new
                costs.append(cost)
        self.coefs_ = [weights for weights, _ in params]
        self.intercepts_ = [bias for _, bias in params]
        self.cost_, self.n_iter_ = np.array(costs), len(costs)
        if len(costs) < self.n_iter:
            warnings.warn(
                f"Training diverges in epoch {len(costs) + 1} with eta={self.eta}: lower it, or standardize "
                "the features (sklearn.preprocessing.StandardScaler).",
                ConvergenceWarning,
                stacklevel=3,
            )

    def decision_function(self, X: npt.ArrayLike) -> Array:
        """Logits of examples [n, features], [n, C]; for two classes the second less the first, [n]."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict(self, X: npt.ArrayLike) -> npt.NDArray:
        """Labels of examples [n, features], [n]."""
        ids = self._logits(X).argmax(axis=1)  # before `classes_`, since it tells of what isn't fitted
        return self.classes_[ids]

    def predict_proba(self, X: npt.ArrayLike) -> Array:
        """Probabilities of examples [n, features], [n, C]."""
        return np.exp(backpropagation.log_softmax(self._logits(X)))

    def _logits(self, X: npt.ArrayLike) -> Array:
        check_is_fitted(self)
        x = validate_data(self, X, dtype=DTYPES, reset=False)
        params = list(zip(self.coefs_, self.intercepts_, strict=True))
        return backpropagation.forward(params, x, self.activation)[-1]
