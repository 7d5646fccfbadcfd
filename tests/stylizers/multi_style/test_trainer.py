"""A step of a stylizer's training: the loss falls, states are exact, and what must not change doesn't."""

import json
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from nst_keras.errors import InputError, NonFiniteLossError
from nst_keras.losses.settings import LossSettings
from nst_keras.models.multi_style import multi_style
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.stylizers.multi_style.settings import StylizerSettings
from nst_keras.stylizers.multi_style.trainer import StylizerTrainer
from nst_keras.stylizers.training.perceptual_loss import PerceptualLoss

SETTINGS = StylizerSettings(
    width=0.125,
    num_steps=12,
    batch_size=2,
    crop_size=64,
    ema=0.5,
    warmup=0,
    learning_rate=0.005,
    style_rate=4.0,
)
STYLES = 3
BFLOAT16 = "auto_mixed_precision_onednn_bfloat16"


@pytest.fixture(scope="module")
def contents(photo: np.ndarray) -> np.ndarray:
    return np.stack([photo[:32, :32], photo[60:92, 90:122]])


@pytest.fixture(scope="module")
def loss(random_weights: VGG19Weights) -> PerceptualLoss:
    rng = np.random.default_rng(0)
    paintings = [rng.uniform(0, 80 * i + 60, (32, 32, 3)).astype(np.float32) for i in range(STYLES)]
    layers = {"relu1_1": 0.5, "relu2_1": 0.5}
    settings = LossSettings(
        content_weight=1.0, tv_weight=0.0, content_layers={"relu2_1": 1.0}, style_layers=layers
    )
    return PerceptualLoss(random_weights, settings, paintings)


def _trainer(loss: PerceptualLoss, settings: StylizerSettings = SETTINGS, **options: int) -> StylizerTrainer:
    keras.utils.set_random_seed(0)
    return StylizerTrainer(multi_style(STYLES, width=settings.width), loss, settings, **options)


@pytest.fixture(scope="module")
def compiled(loss: PerceptualLoss) -> tuple[StylizerTrainer, list[np.ndarray]]:
    """One for all, since a trace takes seconds, and the state that it began with."""
    trainer = _trainer(loss)
    return trainer, trainer.state()


@pytest.fixture
def trainer(compiled: tuple[StylizerTrainer, list[np.ndarray]]) -> StylizerTrainer:
    """As it was at the start."""
    trainer, start = compiled
    trainer.set_state(start)
    return trainer


def _steps(trainer: StylizerTrainer, contents: np.ndarray, first: int, last: int) -> list[float]:
    return [float(trainer.step(contents, trainer.style_weights(step)).sum()) for step in range(first, last)]


def test_the_loss_falls_and_a_state_is_gone_on_from_exactly(
    trainer: StylizerTrainer, contents: np.ndarray
) -> None:
    losses = _steps(trainer, contents, 0, 6)
    kept = trainer.state()
    losses += _steps(trainer, contents, 6, 12)
    final = trainer.state()
    # The same three batches come again and again.
    assert np.mean(losses[-3:]) < 0.95 * np.mean(losses[:3])
    assert np.less(losses[-3:], losses[:3]).all()
    trainer.set_state(kept)
    assert _steps(trainer, contents, 6, 12) == losses[6:]
    for one, two in zip(trainer.state(), final, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.large
def test_bfloat16_is_used_and_its_steps_are_nearly_those_of_float32(
    trainer: StylizerTrainer, loss: PerceptualLoss, contents: np.ndarray, has_bfloat16: bool
) -> None:
    exact = _steps(trainer, contents, 0, 3)
    options = tf.config.optimizer.get_experimental_options()
    rounded = _steps(_trainer(loss, replace(SETTINGS, precision="mixed_bfloat16")), contents, 0, 3)
    np.testing.assert_allclose(rounded, exact, rtol=0.05)
    assert (rounded[0] != exact[0]) is has_bfloat16
    # What else the process computes is computed as before.
    after = tf.config.optimizer.get_experimental_options()
    assert {**after, BFLOAT16: False} == {**options, BFLOAT16: False}
    assert not after[BFLOAT16]


def test_the_average_follows_the_weights(trainer: StylizerTrainer, contents: np.ndarray) -> None:
    before = trainer.model.get_weights()
    _steps(trainer, contents, 0, 1)
    decay = min(SETTINGS.ema, 2 / 11)  # a start is soon forgotten
    for old, new, average in zip(
        before, trainer.model.get_weights(), trainer.average.get_weights(), strict=True
    ):
        np.testing.assert_allclose(average, decay * old + (1 - decay) * new, atol=1e-6)
    painted = trainer.stylize(contents[0], 1)
    one_hot = np.eye(STYLES, dtype=np.float32)[1:2]
    expected = trainer.average({"image": contents[:1], "style_weights": one_hot})[0]
    np.testing.assert_allclose(painted, expected, atol=0.01)


def test_adding_a_style_trains_its_rows_and_nothing_else(loss: PerceptualLoss, contents: np.ndarray) -> None:
    trainer = _trainer(loss, first_trained_style=2)
    before = trainer.model.get_weights()
    assert (trainer.style_weights(5) == [0, 0, 1]).all()
    losses = _steps(trainer, contents, 0, 6)
    assert losses[-1] < losses[0]
    moved = 0
    for variable, old in zip(trainer.model.weights, before, strict=True):
        new = np.asarray(variable)
        if variable.name in ("gamma", "beta"):
            np.testing.assert_array_equal(new[:2], old[:2])
            moved += not np.array_equal(new[2], old[2])
        else:
            np.testing.assert_array_equal(new, old)
    assert moved > 10


def test_styles_are_trained_faster_than_kernels(trainer: StylizerTrainer, contents: np.ndarray) -> None:
    before = trainer.model.get_weights()
    _steps(trainer, contents, 0, 1)
    largest = {True: 0.0, False: 0.0}
    for variable, old in zip(trainer.model.weights, before, strict=True):
        of_a_style = variable.name in ("gamma", "beta")
        largest[of_a_style] = max(largest[of_a_style], float(np.abs(np.asarray(variable) - old).max()))
    # Adam's first step is the learning rate wherever there is a clear gradient.
    assert largest == {True: pytest.approx(0.02, rel=0.02), False: pytest.approx(0.005, rel=0.02)}


def test_every_style_comes_as_often_as_any_other(trainer: StylizerTrainer) -> None:
    weights = np.concatenate([trainer.style_weights(step) for step in range(6)])
    assert (weights.sum(axis=0) == 4).all()
    assert (weights.sum(axis=1) == 1).all()


def test_a_state_of_another_network_is_refused(trainer: StylizerTrainer, loss: PerceptualLoss) -> None:
    wider = _trainer(loss, replace(SETTINGS, width=0.25))
    with pytest.raises(InputError, match="--restart"):
        trainer.set_state(wider.state())


def test_a_lost_loss_names_the_setting(trainer: StylizerTrainer, contents: np.ndarray) -> None:
    trainer.set_state([array * np.nan if array.dtype.kind == "f" else array for array in trainer.state()])
    with pytest.raises(NonFiniteLossError, match=r"learning_rate=0\.005 is too high"):
        _steps(trainer, contents, 0, 1)


MIRRORED = """
import json, sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras, numpy as np
from nst_keras.losses.settings import LossSettings
from nst_keras.models.multi_style import multi_style
from nst_keras.stylizers.multi_style.settings import StylizerSettings
from nst_keras.stylizers.multi_style.trainer import StylizerTrainer


class Loss:
    def __call__(self, images, contents, styles):
        return {"distance": tf.reduce_mean((images - 255.0 * styles[:, None, None]) ** 2)}


contents = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)
results = []
for strategy in (None, tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])):
    keras.utils.set_random_seed(0)
    settings = StylizerSettings(width=0.125, num_steps=4, warmup=0)
    with (strategy or tf.distribute.get_strategy()).scope():
        model = multi_style(3, width=settings.width)
    trainer = StylizerTrainer(model, Loss(), settings, strategy=strategy)
    start = np.concatenate([np.ravel(w) for w in model.get_weights()])
    losses = [float(trainer.step(contents, trainer.style_weights(step))[0]) for step in range(4)]
    moved = np.concatenate([np.ravel(w) for w in trainer.average.get_weights()]) - start
    results.append([losses, moved.tolist()])
json.dump(results, sys.stdout)
"""


@pytest.mark.large
def test_two_devices_do_what_one_does() -> None:
    """In a process of its own, since devices are divided before TensorFlow starts."""
    command = [sys.executable, "-c", MIRRORED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (losses, moved), (mirrored_losses, mirrored_moved) = json.loads(done.stdout.splitlines()[-1])
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(mirrored_losses, losses, rtol=1e-4)
    # Adam enlarges rounding differences of gradients near 0, so single weights aren't compared.
    assert np.abs(np.subtract(mirrored_moved, moved)).mean() < 0.1 * np.abs(moved).mean()
