"""The training of a decoder for any painting, in one loop with that of named styles."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.models.arbitrary_style import build_decoder
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.runs.loop import Watcher
from nst_keras.stylizers.arbitrary.file import (
    ArbitraryStylizer,
    read_arbitrary_stylizer,
    write_arbitrary_stylizer,
)
from nst_keras.stylizers.arbitrary.settings import ArbitraryStyleSettings
from nst_keras.stylizers.arbitrary.trainer import trainee
from nst_keras.stylizers.training.job import StylizerTraining
from nst_keras.stylizers.training.settings import StylizerRun
from nst_keras.stylizers.training.trainee import TrainingPictures

SETTINGS = ArbitraryStyleSettings(
    width=0.125, num_steps=20, batch_size=2, crop_size=64, learning_rate=2e-3, style_size=96, ema=0.5
)


@pytest.fixture(scope="module")
def pictures(photo: np.ndarray) -> TrainingPictures:
    x = np.arange(96)
    paintings = {}
    for name, period, color in (("broad", 24, (230, 60, 30)), ("fine", 6, (20, 90, 220))):
        stripes = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * (x[:, None] + x) / period))
        paintings[name] = (stripes[..., None] * color).astype(np.uint8)
    return TrainingPictures(paintings, [photo.astype(np.uint8)])


@pytest.fixture
def train(pictures: TrainingPictures, real_weights: VGG19Weights, tmp_path: Path) -> Callable[..., Path]:
    def run(
        folder: str,
        *,
        settings: ArbitraryStyleSettings = SETTINGS,
        stop_at: int = 0,
        first_step: int = 1,
        **plan: object,
    ) -> Path:
        given = {"vgg": "8bit", "log_every": 4, "tensorboard": False, **plan}
        training = StylizerTraining(settings, StylizerRun(str(tmp_path / folder), **given), pictures)
        steps: list[int] = []
        training.run(
            Watcher(
                lambda progress: steps.append(progress.step),
                should_stop=lambda: bool(stop_at and steps[-1] >= stop_at),
            )
        )
        assert steps[0] == first_step, "what was done is kept"
        return tmp_path / folder

    return run


def _rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "log.csv").read_text().splitlines()))


@pytest.mark.large  # a minute; the trainer's own tests are about its loss and its state
def test_the_loss_falls_and_what_is_stopped_goes_on(train: Callable[..., Path]) -> None:
    through = train("through")
    losses = [float(row["loss"]) for row in _rows(through)]
    assert losses[-1] < 0.8 * losses[0]
    assert not (train("stopped", stop_at=6) / "stylizer.npz").exists()
    stopped = train("stopped", first_step=7)
    assert [row["step"] for row in _rows(stopped)] == ["4", "8", "12", "16", "20"]
    for one, other in zip(_rows(through), _rows(stopped), strict=True):
        assert float(one["loss"]) == pytest.approx(float(other["loss"]), rel=1e-2)
    one, other = (read_arbitrary_stylizer(folder / "stylizer.npz") for folder in (through, stopped))
    for single, resumed in zip(one.decoder.get_weights(), other.decoder.get_weights(), strict=True):
        # Sums of several threads differ, which grows from step to step.
        np.testing.assert_allclose(resumed, single, rtol=0, atol=5e-3)
    assert (one.card["architecture"], one.card["paintings"], one.style_size) == ("arbitrary", 2, 96)


def test_it_begins_with_the_decoder_of_a_file(
    pictures: TrainingPictures, real_weights: VGG19Weights, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(5)
    decoder = build_decoder(width=0.125)
    path = tmp_path / "stylizer.npz"
    write_arbitrary_stylizer(path, ArbitraryStylizer(decoder, 0.125, 96, real_weights.digest))
    plan = StylizerRun(str(tmp_path), vgg="8bit", init=str(path))
    begun = trainee(SETTINGS, plan, pictures, tf.distribute.get_strategy()).trainer
    for new, old in zip(begun.model.get_weights(), decoder.get_weights(), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-3)  # files have 16 bits
    with pytest.raises(InputError, match=r"width must be that of .*stylizer\.npz. Received: width=0.25"):
        trainee(replace(SETTINGS, width=0.25), plan, pictures, tf.distribute.get_strategy())
