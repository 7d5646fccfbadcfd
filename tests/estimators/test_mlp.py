"""The multilayer perceptron as an estimator."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_moons
from sklearn.exceptions import ConvergenceWarning

from nst_keras.errors import InputError
from nst_keras.estimators import MultilayerPerceptron, Perceptron


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_learns_digits(activation: str) -> None:
    x, y = load_digits(return_X_y=True)
    names = np.array(list("abcdefghij"))[y]
    model = MultilayerPerceptron(
        (32, 16) if activation == "relu" else (32,), activation, eta=0.1, n_iter=15, random_state=0
    )
    model.fit(x[:1300] / 16, names[:1300])
    assert model.score(x[1300:] / 16, names[1300:]) > 0.88
    assert model.cost_[-1] < 0.3 * model.cost_[0]
    probabilities = model.predict_proba(x / 16)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(model.classes_[probabilities.argmax(axis=1)], model.predict(x / 16))


def test_bends_where_a_perceptron_cannot() -> None:
    x, y = make_moons(300, noise=0.1, random_state=0)
    assert Perceptron(n_iter=50).fit(x, y).score(x, y) < 0.95
    model = MultilayerPerceptron((16,), eta=0.1, n_iter=100, random_state=0).fit(x, y)
    assert model.score(x, y) > 0.98
    logits = model.decision_function(x)
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), model.predict_proba(x)[:, 1])


def test_a_seed_repeats_everything() -> None:
    x, y = make_moons(100, noise=0.1, random_state=0)
    one, same, other = (MultilayerPerceptron(n_iter=2, random_state=seed).fit(x, y) for seed in (0, 0, 1))
    for ours, theirs in zip(one.coefs_ + one.intercepts_, same.coefs_ + same.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(one.coefs_[0], other.coefs_[0])


def test_divergence_is_reported_and_leaves_finite_weights() -> None:
    x, y = make_moons(100, noise=0.1, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"diverges in epoch \d+ with eta=50.0: lower it"):
        model = MultilayerPerceptron((8, 8), eta=50.0, l2=1.0, n_iter=200, random_state=0).fit(100 * x, y)
    assert all(np.isfinite(array).all() for array in model.coefs_ + model.intercepts_)
    assert model.n_iter_ == len(model.cost_) < 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden", 0),
        ("activation", "step"),
        ("eta", 0),
        ("momentum", 1),
        ("l2", -1),
        ("n_iter", 0),
        ("batch_size", 0),
    ],
)
def test_wrong_settings_are_named(name: str, value: float | str) -> None:
    given = (value,) if name == "hidden" else value
    with pytest.raises(InputError, match=f"{name} must be .*Received: {name}={value}"):
        MultilayerPerceptron(**{name: given}).fit([[0.0], [1.0]], [0, 1])
