"""scikit-learn's own checks of everything that calls itself an estimator."""

from collections.abc import Callable

from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

from nst_keras.estimators import AdalineGD, AdalineSGD, MultilayerPerceptron, Perceptron


@parametrize_with_checks([Perceptron(), AdalineGD(), AdalineSGD(), MultilayerPerceptron()])
def test_scikit_learn_checks(estimator: BaseEstimator, check: Callable[[BaseEstimator], None]) -> None:
    check(estimator)
