"""ADALINE by batch and by stochastic descent: the book's numbers, least squares, and divergence."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning

from nst_keras.errors import InputError
from nst_keras.estimators import AdalineGD, AdalineSGD

Data = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def iris() -> Data:
    """The book's 100 flowers, sepal and petal length [100, 2], and -1 or 1."""
    data = load_iris()
    return data.data[:100, [0, 2]], np.where(data.target[:100] == 0, -1, 1)


@pytest.fixture(scope="module")
def standard(iris: Data) -> Data:
    x, y = iris
    return (x - x.mean(axis=0)) / x.std(axis=0), y


def test_batch_descent_equals_a_plain_transcription(standard: Data) -> None:
    x, y = standard
    w, costs = np.zeros(3), []
    for _ in range(15):
        errors = y - (x @ w[1:] + w[0])
        costs.append((errors**2).sum() / 2)
        w[1:] += 0.01 * x.T @ errors
        w[0] += 0.01 * errors.sum()
    model = AdalineGD(eta=0.01, n_iter=15).fit(x, y)
    np.testing.assert_allclose(model.w_, w, atol=1e-14)
    np.testing.assert_allclose(model.cost_, costs)
    assert model.cost_[0] == 50  # 100 examples, zero weights: 100 / 2
    assert model.score(x, y) > 0.98


def test_stochastic_descent_equals_a_plain_transcription(standard: Data) -> None:
    x, y = standard
    w, costs = np.zeros(3), []
    for _ in range(3):
        squares = []
        for xi, target in zip(x, y, strict=True):
            error = target - (np.dot(xi, w[1:]) + w[0])
            w[1:] += 0.01 * xi * error
            w[0] += 0.01 * error
            squares.append(error**2 / 2)
        costs.append(np.mean(squares))
    model = AdalineSGD(eta=0.01, n_iter=3, shuffle=False).fit(x, y)
    np.testing.assert_allclose(model.w_, w, atol=1e-14)
    np.testing.assert_allclose(model.cost_, costs)


@pytest.mark.parametrize("num_classes", [2, 3])
def test_batch_descent_reaches_least_squares(num_classes: int) -> None:
    x, y = load_iris(return_X_y=True)
    x, y = ((x - x.mean(axis=0)) / x.std(axis=0))[y < num_classes], y[y < num_classes]
    model = AdalineGD(n_iter=3000).fit(x, y)
    targets = np.where(y[:, None] == (np.arange(3) if num_classes == 3 else [1]), 1, -1)
    expected, *_ = np.linalg.lstsq(np.column_stack([np.ones(len(x)), x]), targets, rcond=None)
    np.testing.assert_allclose(model.w_, expected.T.squeeze(), atol=1e-4)
    assert np.all(np.diff(model.cost_) <= 1e-9)


def test_too_large_an_eta_is_reported_with_the_bound(iris: Data) -> None:
    with pytest.warns(ConvergenceWarning, match=r"diverges: .* eta=0.01\. Choose an eta below 0.00049 "):
        model = AdalineGD(eta=0.01, n_iter=10).fit(*iris)
    assert np.all(np.diff(model.cost_) > 0)
    AdalineGD(eta=0.00048, n_iter=200).fit(*iris)
    with pytest.warns(ConvergenceWarning, match="standardize the features"):
        AdalineGD(eta=0.0005, n_iter=200).fit(*iris)
    with pytest.warns(ConvergenceWarning, match="well below"):
        AdalineSGD(eta=0.1).fit(*iris)


@pytest.mark.parametrize("estimator", [AdalineGD(eta=1.0, n_iter=500), AdalineSGD(eta=1.0, n_iter=500)])
def test_divergence_leaves_finite_weights(iris: Data, estimator: AdalineGD | AdalineSGD) -> None:
    with pytest.warns(ConvergenceWarning):
        estimator.fit(*iris)
    assert np.isfinite(estimator.w_).all()
    assert len(estimator.cost_) == estimator.n_iter_ < 500


@pytest.mark.parametrize("scale", [0.1, 1.0, 1e3])
def test_without_an_eta_it_learns_at_any_scale(scale: float) -> None:
    x, y = load_digits(return_X_y=True)
    for model in (AdalineGD(), AdalineSGD(n_iter=10, random_state=0)):
        assert model.fit(x[:1200] * scale, y[:1200]).score(x[1200:] * scale, y[1200:]) > 0.8


def test_partial_fits_in_turn_equal_one_pass() -> None:
    x, y = load_digits(return_X_y=True)
    parts = AdalineSGD()
    for rows in (slice(0, 500), slice(500, 1797)):
        parts.partial_fit(x[rows], y[rows], classes=np.arange(10))
    whole = AdalineSGD(n_iter=1, shuffle=False).fit(x, y)
    np.testing.assert_array_equal(parts.w_, whole.w_)
    assert np.average(parts.cost_, weights=[500, 1297]) == pytest.approx(whole.cost_[0])
    assert parts.n_iter_ == 2


def test_shuffling_repeats_with_a_seed(standard: Data) -> None:
    one, same, other = (AdalineSGD(n_iter=2, random_state=seed).fit(*standard) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.w_, same.w_)
    assert not np.array_equal(one.w_, other.w_)


def test_wrong_use_is_named(standard: Data) -> None:
    for estimator in (AdalineGD, AdalineSGD):
        for name, value in {"eta": -1, "n_iter": 0}.items():
            with pytest.raises(InputError, match=f"{name} must be .*Received: {name}={value}"):
                estimator(**{name: value}).fit(*standard)
    model = AdalineSGD().partial_fit(*standard)
    with pytest.raises(InputError, match=r"y must hold the classes \[-1  1\] alone. Received: \[0\]"):
        model.partial_fit(standard[0], standard[1] * 0)
    with pytest.raises(InputError, match="classes must be the first call's"):
        model.partial_fit(*standard, classes=[0, 1])
