"""The trainer: it learns, its state is the whole state, and its pieces do what their sources say."""

import dataclasses
import itertools
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nst_keras.classifiers.batches import BatchSource, in_order
from nst_keras.classifiers.registry import CLASSIFIERS, build_classifier
from nst_keras.classifiers.settings import ClassificationSettings, recipe
from nst_keras.classifiers.trainer import ClassifierTrainer, cross_entropy
from nst_keras.data.image_dataset import Split
from nst_keras.errors import InputError, NonFiniteLossError


@pytest.fixture(scope="module")
def split() -> Split:
    """Two kinds of pictures: bright on the left, bright on the right, with noise."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 96)
    images = rng.integers(0, 100, (96, 8, 8, 1))
    images[labels == 0, :, :4] += 100
    images[labels == 1, :, 4:] += 100
    return Split("train", tf.data.Dataset.from_tensor_slices((images.astype(np.uint8), labels)), 96)


def _trainer(settings: ClassificationSettings, num_steps: int = 30) -> ClassifierTrainer:
    return ClassifierTrainer(
        build_classifier(settings.model, (8, 8, 1), 2, seed=settings.seed), settings, num_steps
    )


def _run(trainer: ClassifierTrainer, split: Split, first: int, count: int) -> list[float]:
    source = BatchSource(split, 32, seed=0, augmentation={"shift": 0.15})
    batches = itertools.islice(source.batches(first), count)
    return [trainer.step(images, labels, len(labels)).loss for images, labels in batches]


def _models(*large: str) -> list[Any]:
    return [pytest.param(name, marks=[pytest.mark.large] if name in large else []) for name in CLASSIFIERS]


@pytest.mark.parametrize("model", _models("advanced_cnn"))  # which takes as long as all others
def test_every_model_learns(model: str, split: Split) -> None:
    # The advanced network's own rate is made for thousands of steps.
    changes = {"learning_rate": 0.02} if model == "advanced_cnn" else {}
    trainer = _trainer(recipe(model, ema=0.5, **changes))
    _run(trainer, split, 0, 30)
    logits, labels = trainer.predict(in_order(split))
    assert np.mean(logits.argmax(axis=1) == labels) > 0.95


@pytest.mark.parametrize("model", _models("small_cnn", "advanced_cnn"))
def test_a_state_goes_on_to_the_same_place(model: str, split: Split) -> None:
    """With dropout, momentum, average and course of the learning rate."""
    settings = recipe(model, ema=0.9)
    through = _trainer(settings)
    _run(through, split, 0, 5)
    state = through.state()
    losses = _run(through, split, 5, 3)
    after = _trainer(dataclasses.replace(settings, seed=9))
    after.set_state(state)
    assert _run(after, split, 5, 3) == losses
    for one, other in zip(after.weights(), through.weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_average_follows_the_weights() -> None:
    settings = recipe("mlp", ema=0.9)
    trainer = _trainer(settings)
    expected = trainer.model.get_weights()
    images = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), np.uint8)
    for step in range(3):
        trainer.step(images, np.arange(32) % 2, 32)
        decay = min(0.9, (2 + step) / (11 + step))
        pairs = zip(expected, trainer.model.get_weights(), strict=True)
        expected = [decay * average + (1 - decay) * weight for average, weight in pairs]
    for average, wanted in zip(trainer.weights(), expected, strict=True):
        np.testing.assert_allclose(average, wanted, rtol=1e-5, atol=1e-6)


def test_the_learning_rate_rises_and_falls_to_zero(split: Split) -> None:
    settings = recipe("mlp", learning_rate=0.01, warmup=0.2)
    trainer, rates = _trainer(settings, num_steps=20), []
    images, labels = split.arrays()
    for _ in range(20):
        rates.append(trainer.learning_rate)
        trainer.step(images[:32], labels[:32], 32)
    assert rates[:5] == pytest.approx([0, 0.0025, 0.005, 0.0075, 0.01])
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[4:]))
    assert trainer.learning_rate == pytest.approx(0, abs=1e-9)


def test_weight_decay_spares_biases_and_normalisation() -> None:
    """With pictures that give no gradient, only decay moves the weights."""
    settings = recipe("advanced_cnn", ema=0.0, weight_decay=0.5, label_smoothing=0.0, warmup=0.0)
    trainer = _trainer(settings)
    trainer.model.get_layer("logits").set_weights([np.zeros((128, 2)), np.zeros(2)])
    before = {v.path: v.numpy() for v in trainer.model.trainable_variables}
    trainer.step(np.zeros((2, 8, 8, 1), np.uint8), np.array([0, 1]), 2)
    factor = 1 - settings.learning_rate * settings.weight_decay
    for variable in trainer.model.trainable_variables:
        expected = before[variable.path] * (factor if variable.path.endswith("kernel") else 1)
        np.testing.assert_allclose(variable.numpy(), expected, atol=1e-5, err_msg=variable.path)


def test_label_smoothing_is_kerass(split: Split) -> None:
    images, labels = split.arrays()
    images, labels = images[:32], labels[:32]
    settings = recipe("mlp", label_smoothing=0.2, ema=0.0)
    trainer = _trainer(settings)
    reference = keras.models.clone_model(trainer.model)
    reference.set_weights(trainer.model.get_weights())
    for model in (trainer.model, reference):
        for layer in model.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)
    wanted = loss(np.eye(2)[labels], reference(images.astype(np.float32), training=True))
    assert trainer.step(images, labels, 32).loss / 32 == pytest.approx(float(wanted), rel=1e-5)


def test_a_loss_that_leaves_the_numbers_is_told() -> None:
    trainer = _trainer(recipe("mlp", optimizer="sgd", learning_rate=1e30, warmup=0.0, ema=0.0))
    images = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), np.uint8)
    with pytest.raises(NonFiniteLossError, match=r"learning_rate=1e\+30 is too high"):
        for _ in range(5):
            trainer.step(images, np.arange(32) % 2, 32)


def test_cross_entropy_by_hand() -> None:
    logits = np.array([[0.0, np.log(3.0)], [1000.0, 0.0]])
    assert cross_entropy(logits, np.array([0, 0])) == pytest.approx(np.log(4) / 2)


def test_recipes() -> None:
    assert recipe("small_cnn", "fashion_mnist").flip
    assert not recipe("small_cnn", "mnist:3.0.1").flip, "digits mean something else in a mirror"
    assert recipe("small_cnn", "digits", flip=True).flip
    with pytest.raises(InputError, match=r"epochs must be a whole number, at least 1. Received: epochs=0"):
        recipe("mlp", epochs=0)
    with pytest.raises(InputError, match=r"model must be .*small_cnn"):
        recipe("vgg")
