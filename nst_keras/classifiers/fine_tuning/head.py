"""Training of a head on features that a pretrained base gave pictures once."""

import warnings
from collections.abc import Callable, Mapping

import keras
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.utils.class_weight import compute_class_weight
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from nst_keras.classifiers.fine_tuning.settings import FineTuningSettings
from nst_keras.classifiers.trainer import Labelled, measure
from nst_keras.errors import InputError

_BATCH = 32
_DECAYS = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)  # of a linear head
_FIT_STEPS = 200
_WORSE = 2  # decays in a row that are worse than the best, and weaker ones will be too
_FOLD_VALIDATION = 0.15
_LEAST_PER_CLASS = 4  # a fold leaves at least two of them: one to train on and one to validate on


def train_head(
    head: keras.Model, train: Labelled, validation: Labelled, settings: FineTuningSettings
) -> list[dict[str, float]]:
    """Trains a head on features, leaves it as it had the least validation loss, and returns its history.

    A head of one dense layer is multinomial logistic regression, whose best weights scikit-learn finds, for
    several weight decays from strong to weak; each of these is an epoch of the history. With a hidden layer
    it is trained by AdamW until the validation loss no longer falls. In `train` every class occurs.
    """
    features, labels = train
    head.get_layer("standardize").adapt(features)
    weights = class_weights(labels) if settings.class_weights else None
    if settings.hidden:
        return _descend(head, train, validation, settings, weights)
    return _fit_linear(head, train, validation, weights)


def _fit_linear(
    head: keras.Model, train: Labelled, validation: Labelled, weights: Mapping[int, float] | None
) -> list[dict[str, float]]:
    standardize, logits_layer = head.get_layer("standardize"), head.get_layer("logits")
    inputs = standardize(train[0]).numpy()
    regression = LogisticRegression(class_weight=weights, max_iter=_FIT_STEPS, warm_start=True)
    history: list[dict[str, float]] = []
    best: tuple[int, list[np.ndarray]] = (0, [])
    for number, decay in enumerate(_DECAYS, start=1):
        # scikit-learn adds up losses where weight decay is to a mean loss.
        regression.set_params(C=1 / (decay * len(inputs)))
        # Threads that wait for each other on a busy machine take many times as long as one.
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # far enough all the same
            regression.fit(inputs, train[1])
        logits_layer.set_weights(_as_softmax(regression))
        row = {"epoch": number, "weight_decay": decay}
        for prefix, (features, labels) in (("", train), ("val_", validation)):
            row |= measure(head(features, training=False).numpy(), labels, prefix)
        if all(row["val_loss"] < earlier["val_loss"] for earlier in history):
            best = number, logits_layer.get_weights()
        history.append(row)
        if number >= best[0] + _WORSE:
            break
    logits_layer.set_weights(best[1])
    return history


def _as_softmax(regression: LogisticRegression) -> list[np.ndarray]:
    """Kernel and bias; for two classes scikit-learn has only the difference of their logits."""
    kernel, bias = regression.coef_.T, regression.intercept_
    if len(bias) == 1:
        kernel, bias = np.concatenate([-kernel, kernel], axis=1) / 2, np.concatenate([-bias, bias]) / 2
    return [kernel, bias]


def _descend(
    head: keras.Model,
    train: Labelled,
    validation: Labelled,
    settings: FineTuningSettings,
    weights: Mapping[int, float] | None,
) -> list[dict[str, float]]:
    head.compile(
        keras.optimizers.AdamW(settings.head_learning_rate, weight_decay=settings.weight_decay),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    stop = keras.callbacks.EarlyStopping(
        "val_loss", patience=settings.patience, restore_best_weights=True, start_from_epoch=0
    )
    history = head.fit(
        *train,
        batch_size=min(_BATCH, len(train[1])),
        epochs=settings.head_epochs,
        validation_data=validation,
        class_weight=weights,
        callbacks=[stop],
        verbose=0,
    ).history
    rows = zip(*history.values(), strict=True)
    return [
        {"epoch": number, **dict(zip(history, map(float, row), strict=True))}
        for number, row in enumerate(rows, start=1)
    ]


def cross_validate(
    new_head: Callable[[], keras.Model],
    features: np.ndarray,
    labels: np.ndarray,
    settings: FineTuningSettings,
) -> np.ndarray:
    """Returns the class ids that heads give pictures that they weren't trained on, each of a part of all."""
    require_enough(labels, settings.folds)
    answers = np.empty(len(labels), np.int64)
    folds = StratifiedKFold(settings.folds, shuffle=True, random_state=settings.seed)
    for rest, left_out in folds.split(features, labels):
        size = max(len(np.unique(labels)), round(_FOLD_VALIDATION * len(rest)))
        train, validation = train_test_split(
            rest, test_size=size, stratify=labels[rest], random_state=settings.seed
        )
        head = new_head()
        parts = [(features[part], labels[part]) for part in (train, validation)]
        train_head(head, parts[0], parts[1], settings)
        answers[left_out] = head(features[left_out], training=False).numpy().argmax(axis=1)
    return answers


def require_enough(labels: np.ndarray, folds: int) -> None:
    """Checks that pictures can be cross-validated."""
    least, fewest = max(folds, _LEAST_PER_CLASS), np.bincount(labels).min()
    if fewest < least:
        raise InputError(
            f"folds={folds} needs at least {least} pictures of each class. Received: a class with {fewest}"
        )


def class_weights(labels: np.ndarray) -> dict[int, float]:
    """Weight of each class, so that all classes together count alike and their mean over pictures is 1."""
    classes = np.unique(labels)
    weights = compute_class_weight("balanced", classes=classes, y=labels)
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))
