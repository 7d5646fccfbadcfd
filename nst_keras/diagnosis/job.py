"""Checks a classifier, by name or from a file, on a part of a data set."""

from pathlib import Path

import keras
import numpy as np

from nst_keras.classifiers.registry import GRADIENT_CLASSIFIERS, build_classifier
from nst_keras.classifiers.trained import load_model
from nst_keras.data.datasets import ImageDataset, load_dataset
from nst_keras.diagnosis import planted_faults
from nst_keras.diagnosis.diagnostics import diagnose
from nst_keras.diagnosis.findings import Report
from nst_keras.diagnosis.planted_faults import TrainingSetup
from nst_keras.diagnosis.settings import AUTO, LOGITS, DebugSettings, DiagnosisSettings
from nst_keras.errors import InputError, did_you_mean

_MEMORY_LIMIT = 1 << 30  # bytes; of a larger set only the chosen pictures are kept
# Faults that lie in the loss, or in how it takes the outputs.
_LOSS_FAULTS = ("no_batch_mean", "softmax_twice", "wrong_axis")


def debug(settings: DebugSettings) -> Report:
    """Makes or loads a model, takes training pictures by chance, and checks both.

    Raises:
        InputError: If a file or a data set can't be used, or they don't fit together.
    """
    name, seed, options = settings.model, settings.seed, settings.options()
    model = None if name in GRADIENT_CLASSIFIERS else _load(name)
    options["image_size"] = options["image_size"] or _input_size(model)
    data = load_dataset(settings.dataset, **options, seed=seed)
    images, labels = _sample(data, settings.num_pictures, seed)
    num_classes = len(data.class_names)
    if model is None:
        model = build_classifier(name, data.image_shape, num_classes, seed=seed)
    setup = TrainingSetup(model, images, labels, learning_rate=settings.learning_rate)
    loss = None
    if settings.outputs != AUTO:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=settings.outputs == LOGITS)
    if settings.plant:
        setup = planted_faults.plant(settings.plant, setup, seed)
        loss = setup.loss if settings.plant in _LOSS_FAULTS else loss
    return diagnose(
        setup.model,
        setup.images,
        setup.labels,
        loss=loss,
        optimizer=settings.optimizer,
        learning_rate=setup.learning_rate,
        num_classes=num_classes,
        **settings.narrowed(DiagnosisSettings).to_dict(),
    )


def _load(path: str) -> keras.Model:
    if not path.endswith(".keras") and not Path(path).exists():
        choices, hint = ", ".join(GRADIENT_CLASSIFIERS), did_you_mean(path, GRADIENT_CLASSIFIERS)
        raise InputError(f"model must be {choices} or a .keras file. Received: model={path}{hint}")
    model = load_model(path)
    if hasattr(model, "update"):
        raise InputError(
            f"{path}: learns by a rule of its own; a model that learns by gradients was expected"
        )
    return model


def _input_size(model: keras.Model | None) -> tuple[int, int] | None:
    """Height and width that a model insists on."""
    shape: tuple = getattr(model, "input_shape", None) or ()  # a model that was subclassed has none
    if len(shape) != 4:
        return None
    _, height, width, _ = shape
    return (height, width) if height and width else None


def _sample(data: ImageDataset, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    split = data.splits["train"]
    chosen = np.sort(np.random.default_rng(seed).permutation(split.size)[:count])
    if split.fits_memory(_MEMORY_LIMIT):
        images, labels = split.arrays()
        return images[chosen], labels[chosen]
    wanted = set(chosen.tolist())
    examples = enumerate(split.examples.take(int(chosen[-1]) + 1).as_numpy_iterator())
    kept = [example for number, example in examples if number in wanted]
    return np.stack([image for image, _ in kept]), np.array([label for _, label in kept])
