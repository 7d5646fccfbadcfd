"""The perceptron beside scikit-learn's and the book's."""

import numpy as np
import pytest
import sklearn.linear_model
from scipy.sparse import csr_array
from sklearn.datasets import load_digits, load_iris

from nst_keras.errors import InputError
from nst_keras.estimators import Perceptron

Data = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def iris() -> Data:
    """The book's 100 flowers: sepal and petal length [100, 2], setosa or versicolor."""
    data = load_iris()
    return data.data[:100, [0, 2]], data.target_names[data.target[:100]]


# Powers of two, with which sums of whole pixels are exact and a tie is a tie in any order.
@pytest.mark.parametrize("eta", [1.0, 0.25])
@pytest.mark.parametrize("num_classes", [2, 10])
def test_weights_equal_scikit_learns_after_every_epoch(eta: float, num_classes: int) -> None:
    x, y = load_digits(return_X_y=True)
    x, y = x[y < num_classes], y[y < num_classes]
    for epochs in range(1, 8):
        ours = Perceptron(eta=eta, n_iter=epochs).fit(x, y)
        theirs = sklearn.linear_model.Perceptron(
            penalty=None, shuffle=False, eta0=eta, tol=None, max_iter=epochs
        ).fit(x, y)
        np.testing.assert_array_equal(ours.coef_, theirs.coef_)
        np.testing.assert_array_equal(ours.intercept_, theirs.intercept_)
        np.testing.assert_array_equal(ours.predict(x), theirs.predict(x))


def test_weights_equal_scikit_learns_on_real_numbers() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((300, 5)), rng.integers(0, 3, 300)
    ours = Perceptron(eta=0.1, n_iter=10).fit(x, y)
    theirs = sklearn.linear_model.Perceptron(shuffle=False, eta0=0.1, tol=None, max_iter=10).fit(x, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=0, atol=1e-12)


def plain(x: np.ndarray, y: np.ndarray, eta: float, epochs: int, convention: str) -> tuple[np.ndarray, list]:
    """One unit after the formulas, bias first, with updates counted for each epoch."""
    w, errors = np.zeros(1 + x.shape[1]), []
    for _ in range(epochs):
        wrong = 0
        for xi, target in zip(x, y, strict=True):
            z = np.dot(xi, w[1:]) + w[0]
            if convention == "notebook":
                update = eta * (target - (1 if z >= 0 else -1))
            else:
                update = eta * target if target * z <= 0 else 0.0
            w[1:] += update * xi
            w[0] += update
            wrong += int(update != 0)
        errors.append(wrong)
    return w, errors


@pytest.mark.parametrize("convention", ["sklearn", "notebook"])
def test_weights_equal_a_plain_transcription(iris: Data, convention: str) -> None:
    x, names = iris
    y = np.where(names == "versicolor", 1, -1)
    for epochs in range(1, 7):
        ours = Perceptron(eta=0.1, n_iter=epochs, convention=convention).fit(x, names)
        w, errors = plain(x, y, 0.1, epochs, convention)
        np.testing.assert_allclose(ours.w_, w, rtol=0, atol=1e-13)
        np.testing.assert_array_equal(ours.errors_, errors)


def test_conventions_differ_in_a_zero_and_in_the_step() -> None:
    x, y = [[2.0]], [1]
    first, second = (
        Perceptron(n_iter=1, convention=name).fit([*x, [-1.0]], [*y, 0]) for name in ("sklearn", "notebook")
    )
    # The first example meets zero weights: wrong for the one, right for the other.
    np.testing.assert_array_equal(first.w_, [1, 2])
    np.testing.assert_array_equal(second.w_, [-2, 2])


def test_the_books_flowers(iris: Data) -> None:
    model = Perceptron(eta=0.1, n_iter=10, convention="notebook").fit(*iris)
    # The book's figure; training ends with the first epoch without an error.
    np.testing.assert_array_equal(model.errors_, [2, 2, 3, 2, 1, 0])
    assert model.n_iter_ == 6
    assert model.score(*iris) == 1
    assert list(model.classes_) == ["setosa", "versicolor"]


def test_units_against_the_rest_are_those_of_each_class_alone() -> None:
    x, y = load_iris(return_X_y=True)
    model = Perceptron(n_iter=5).fit(x, y)
    assert model.w_.shape == (3, 5)
    errors = np.zeros(5, int)
    for label in range(3):
        alone = Perceptron(n_iter=5).fit(x, y == label)
        np.testing.assert_array_equal(model.w_[label], alone.w_)
        errors[: alone.n_iter_] += alone.errors_
    np.testing.assert_array_equal(model.errors_, errors)
    np.testing.assert_array_equal(model.predict(x), model.decision_function(x).argmax(axis=1))


def test_eta_scales_the_weights_and_changes_no_answer(iris: Data) -> None:
    one, four = (Perceptron(eta=eta).fit(*iris) for eta in (1.0, 4.0))
    np.testing.assert_array_equal(4 * one.w_, four.w_)
    np.testing.assert_array_equal(one.errors_, four.errors_)


def test_shuffling_repeats_with_a_seed(iris: Data) -> None:
    one, same, other = (Perceptron(shuffle=True, random_state=seed).fit(*iris) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.w_, same.w_)
    assert not np.array_equal(one.w_, other.w_)


def test_wrong_use_is_named(iris: Data) -> None:
    for name, value in {"eta": 0, "n_iter": 1.5, "convention": "book"}.items():
        with pytest.raises(InputError, match=f"{name} must be .*Received: {name}={value}"):
            Perceptron(**{name: value}).fit(*iris)
    with pytest.raises(InputError, match=r"at least 2 classes. Received: 1 class"):
        Perceptron().fit(iris[0], np.ones(100))
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        Perceptron().fit(csr_array(iris[0]), iris[1])


def test_the_notebook_s_answers_are_those_of_its_training() -> None:
    """A net input of exactly 0 is 1 in both: an epoch without an error must mean a perfect score."""
    x, y = [[0.0], [-1.0]], [1, 0]
    model = Perceptron(eta=0.5, convention="notebook").fit(x, y)
    assert model.errors_[-1] == 0
    assert model.decision_function(x)[0] == 0
    assert model.score(x, y) == 1.0
