"""A pretrained base: features once, what is unfrozen and how fast it learns."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from nst_keras.classifiers.fine_tuning.feature_store import FeatureStore
from nst_keras.classifiers.fine_tuning.features import compute_features, layer_rates, unfreeze
from nst_keras.classifiers.fine_tuning.settings import FineTuningSettings
from nst_keras.classifiers.trainer import ClassifierTrainer
from nst_keras.data.image_dataset import Split
from nst_keras.errors import InputError

RNG = np.random.default_rng(0)


@pytest.fixture
def split() -> Split:
    images = RNG.integers(0, 256, (40, 6, 6, 1), np.uint8)
    return Split("train", tf.data.Dataset.from_tensor_slices((images, np.arange(40) % 2)), 40)


class _Counting(keras.layers.Layer):
    """Mean rows as features, and how many pictures passed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = tf.Variable(0)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        self.seen.assign_add(tf.shape(inputs)[0])
        return tf.reduce_mean(inputs, axis=(2, 3))

    def compute_output_shape(self, shape: tuple) -> tuple:
        return shape[:2]


def test_features_are_computed_once(split: Split, tmp_path: Path) -> None:
    layer = _Counting()
    inputs = keras.Input((6, 6, 1))
    model = keras.Model(inputs, layer(inputs))
    store = FeatureStore({"test": 1}, tmp_path)
    seen = []
    features, labels = compute_features(model, split, store, progress=lambda *moment: seen.append(moment))
    images = split.arrays()[0]
    np.testing.assert_allclose(features, images.mean(axis=(2, 3)), rtol=1e-5)
    np.testing.assert_array_equal(labels, split.arrays()[1])
    assert seen[-1] == (40, 40)
    counted = int(layer.seen)
    again, _ = compute_features(model, split, store)
    np.testing.assert_array_equal(again, features)
    assert int(layer.seen) == counted, "nothing was computed the second time"
    both, labels = compute_features(model, split, store, mirrored=True)
    assert int(layer.seen) == counted + 40, "only the mirror images"
    np.testing.assert_allclose(both[40:], images[:, :, ::-1].mean(axis=(2, 3)), rtol=1e-5)
    assert len(labels) == 80
    store.close()


@pytest.fixture
def base() -> keras.Model:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(2, 3, name="conv1"),
            layers.BatchNormalization(name="norm1"),
            layers.Conv2D(2, 3, name="conv2"),
            layers.ReLU(name="relu2"),
            layers.BatchNormalization(name="norm2"),
            layers.Conv2D(2, 3, name="conv3"),
        ],
        name="base",
    )


def test_unfreezing_begins_at_a_layer_and_spares_normalisation(base: keras.Model) -> None:
    unfreeze(base, "conv2")
    assert [layer.name for layer in base.layers if layer.trainable_variables] == ["conv2", "conv3"]
    with pytest.raises(InputError, match="conv1"):
        unfreeze(base, "conv9")


def test_layers_learn_slower_towards_the_input(base: keras.Model) -> None:
    """One step of gradient descent: the ratio of step to gradient is the layer's rate."""
    unfreeze(base, "conv2")
    model = keras.Sequential([base, keras.layers.Flatten(), keras.layers.Dense(2, name="logits")])
    settings = FineTuningSettings(learning_rate=0.01, warmup=0.0, epochs=1).second_phase()
    trainer = ClassifierTrainer(model, settings, 10, rates=layer_rates(base, 0.5))
    images, labels = RNG.integers(0, 256, (4, 8, 8, 3)).astype(np.float32), np.array([0, 1, 0, 1])
    with tf.GradientTape() as tape:
        logits = model(images, training=True)
        losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        loss = tf.reduce_mean(losses)
    gradients = tape.gradient(loss, model.trainable_variables)
    before = [variable.numpy() for variable in model.trainable_variables]
    trainer.step(images, labels, 4)
    for variable, old, gradient in zip(model.trainable_variables, before, gradients, strict=True):
        rate = {"conv2": 0.25, "conv3": 0.5, "logits": 1.0}[variable.path.split("/")[-2]]
        # Nesterov's first step is 1 + momentum times the gradient.
        wanted = old - 0.01 * rate * 1.9 * gradient.numpy()
        np.testing.assert_allclose(variable.numpy(), wanted, rtol=1e-4, atol=1e-6, err_msg=variable.path)


def test_frozen_weights_are_not_kept(base: keras.Model) -> None:
    unfreeze(base, "conv3")
    model = keras.Sequential([base, keras.layers.Flatten(), keras.layers.Dense(2, name="logits")])
    trainable = {variable.path for variable in model.trainable_variables}
    frozen = {variable.path for variable in model.weights} - trainable
    trainer = ClassifierTrainer(model, FineTuningSettings().second_phase(), 10, frozen=frozen)
    assert len(trainer.weights()) == 4
    changed = [array + 1 for array in trainer.weights()]
    trainer.set_weights(changed)
    for wanted, got in zip(changed, trainer.weights(), strict=True):
        np.testing.assert_array_equal(wanted, got)
