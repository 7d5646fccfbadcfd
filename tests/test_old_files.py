"""Checkpoints that version 0.1.0 wrote are gone on from."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nst_keras.classifiers.job import Training
from nst_keras.classifiers.plan import TrainingPlan
from nst_keras.classifiers.settings import recipe
from nst_keras.errors import InputError
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures import record as picture_record
from nst_keras.pictures.images import read_image
from nst_keras.pictures.plan import StylizeJob
from nst_keras.pictures.settings import JobOptions
from nst_keras.runs.loop import Watcher
from nst_keras.runs.plan import CHECKPOINT
from nst_keras.transfer.job import OptimizedStylize
from nst_keras.transfer.settings import StyleTransferSettings

OLD = Path(__file__).parent / "old_files"


def test_a_training_stopped_in_its_second_epoch(tmp_path: Path) -> None:
    settings = recipe("perceptron", "digits", epochs=3, batch_size=100)
    plans = [TrainingPlan(output_dir=str(tmp_path / name), tensorboard=False) for name in ("old", "through")]
    (tmp_path / "old").mkdir()
    shutil.copy(OLD / "training.npz", tmp_path / "old" / CHECKPOINT)
    said: list[str] = []
    old = Training(settings, plans[0])
    outcome = old.run(Watcher(say=said.append))
    assert said[0] == "going on at step 20 of 39"
    assert outcome.report == tmp_path / "old/report.html" and outcome.seconds > 2.3
    through = Training(settings, plans[1])
    assert through.run().metrics == outcome.metrics
    for one, other in zip(old.trainer.weights(), through.trainer.weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_training_with_other_settings(tmp_path: Path) -> None:
    shutil.copy(OLD / "training.npz", tmp_path / CHECKPOINT)
    settings = recipe("perceptron", "digits", epochs=4, batch_size=100)
    with pytest.raises(InputError, match=r"these differ: epochs \(was 3, is 4\)\. Give .*--restart"):
        Training(settings, TrainingPlan(output_dir=str(tmp_path), tensorboard=False)).run()


def test_a_picture_stopped_before_its_last_step(
    real_weights: VGG19Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(OLD, tmp_path, dirs_exist_ok=True)
    (tmp_path / "picture.npz").rename(tmp_path / "picture.png.checkpoint.npz")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(picture_record, "__version__", "0.1.0")  # other versions may count otherwise
    settings = StyleTransferSettings(
        size=20,
        coarsest_size=16,
        content_layers={"relu2_1": 1.0},
        style_layers={"relu1_1": 0.5, "relu2_1": 0.5},
        style_loss="gram",
        optimizer="adam",
        num_steps=6,
        coarse_steps=2,
        color_tv_weight=0.0,
        margin=0,
    )
    transfer = OptimizedStylize(settings, "8bit")
    job = StylizeJob("photo.png", ("painting.png",), (1.0,), Path("picture.png"))
    steps: list[int] = []
    prepared = transfer.prepare(job, JobOptions(resume=True))
    assert transfer.run(prepared, observers=[lambda progress: steps.append(progress.step)]).finished
    assert steps == [6]
    through = replace(job, output=Path("through.png"))
    transfer.run(transfer.prepare(through))
    difference = np.abs(read_image(job.output) - read_image(through.output))
    assert difference.max() <= 1, "but for rounding, the picture of an unbroken run"
    assert not Path("picture.png.checkpoint.npz").exists()
