"""Heads on features: what they learn, which weights they keep, and cross-validation."""

import warnings

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from nst_keras.classifiers.fine_tuning.head import class_weights, cross_validate, train_head
from nst_keras.classifiers.fine_tuning.network import head_model
from nst_keras.classifiers.fine_tuning.settings import FineTuningSettings
from nst_keras.errors import InputError

SETTINGS = FineTuningSettings(head_learning_rate=0.05, head_epochs=40, patience=5, dropout=0.0)


def _clusters(count: int, classes: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.arange(count) % classes
    return (np.eye(classes)[labels] + rng.normal(0, noise, (count, classes))).astype(np.float32), labels


def _least_validation_loss(head: keras.Model, validation: tuple[np.ndarray, np.ndarray]) -> float:
    losses = keras.losses.sparse_categorical_crossentropy(
        validation[1], head(validation[0], training=False), from_logits=True
    )
    return float(np.mean(losses))


def test_classes_count_alike() -> None:
    labels = np.array([0] * 30 + [2] * 10)
    weights = class_weights(labels)
    assert weights == {0: pytest.approx(40 / 60), 2: pytest.approx(2.0)}
    assert np.mean([weights[label] for label in labels]) == pytest.approx(1.0)


@pytest.mark.parametrize("classes,hidden", [(2, 0), (3, 0), (3, 8)])
def test_the_head_learns_and_keeps_what_was_best(classes: int, hidden: int) -> None:
    features, labels = _clusters(90, classes, 0.6)
    train, validation = (features[:60], labels[:60]), (features[60:], labels[60:])
    keras.utils.set_random_seed(0)
    head = head_model(classes, classes, hidden=(hidden,) if hidden else (), dropout=0.0)
    settings = FineTuningSettings(**{**SETTINGS.to_dict(), "hidden": hidden})
    history = train_head(head, train, validation, settings)
    least = min(history, key=lambda row: row["val_loss"])
    assert least["val_accuracy"] > 0.6
    assert least is not history[-1], "this noise can be learnt by heart"
    assert _least_validation_loss(head, validation) == pytest.approx(least["val_loss"], rel=1e-4)


def test_a_linear_head_is_scikit_learns() -> None:
    features, labels = _clusters(60, 3, 0.5)
    head = head_model(3, 3, dropout=0.0)
    settings = FineTuningSettings(class_weights=False)
    history = train_head(head, (features, labels), (features, labels), settings)
    decay = history[-1]["weight_decay"]  # the weakest fits the training pictures best
    scaled = (features - features.mean()) / features.std()
    wanted = LogisticRegression(C=1 / (decay * 60), max_iter=1000, tol=1e-6).fit(scaled, labels)
    chances = keras.ops.softmax(head(features)).numpy()
    np.testing.assert_allclose(chances, wanted.predict_proba(scaled), atol=2e-3)


def test_a_feature_that_is_new_in_validation_does_no_harm() -> None:
    """In a few pictures some of a base's features are never above 0."""
    features, labels = _clusters(40, 2, 0.1)
    features = np.concatenate([features, np.zeros((40, 1), np.float32)], axis=1)
    keras.utils.set_random_seed(0)
    head = head_model(3, 2, hidden=(8,), dropout=0.0)
    settings = FineTuningSettings(**{**SETTINGS.to_dict(), "hidden": 8, "head_epochs": 12})
    train_head(head, (features[:20], labels[:20]), (features[20:], labels[20:]), settings)
    unseen = features.copy()
    unseen[:, 2] = 1
    np.testing.assert_array_equal(head(unseen).numpy().argmax(axis=1), labels)


def test_cross_validation_asks_heads_that_never_saw_the_picture() -> None:
    """Labels without a reason can be learnt by heart, not guessed; with a reason they can."""
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(60, 80)).astype(np.float32), np.arange(60) % 2
    settings = FineTuningSettings(folds=5)
    answers = cross_validate(lambda: head_model(80, 2), features, labels, settings)
    assert np.mean(answers == labels) < 0.75
    features, labels = _clusters(60, 2, 0.2)
    answers = cross_validate(lambda: head_model(2, 2), features, labels, settings)
    assert np.mean(answers == labels) > 0.9


@pytest.mark.parametrize("folds,few", [(2, 4), (3, 4), (5, 5)])
def test_the_fewest_pictures_that_can_be_cross_validated(folds: int, few: int) -> None:
    labels = np.array([0] * few + [1] * 9)
    features = np.eye(2, dtype=np.float32)[labels]
    settings = FineTuningSettings(folds=folds)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answers = cross_validate(lambda: head_model(2, 2), features, labels, settings)
    assert set(answers) <= {0, 1}
    with pytest.raises(InputError, match=f"folds={folds} needs at least {few} .*with {few - 1}"):
        cross_validate(lambda: head_model(2, 2), features[1:], labels[1:], settings)


def test_one_fold_is_none() -> None:
    with pytest.raises(InputError, match="Received: folds=1"):
        FineTuningSettings(folds=1)
