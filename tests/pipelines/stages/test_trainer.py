"""Trainer: models with reports, going on after a stop or a kill, several workers."""

import dataclasses
import itertools
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from nst_keras.errors import InputError
from pipelines.engine.stage import Context, Stopped
from pipelines.examples.files import read_dataset
from pipelines.kinds import Examples, Model, Schema
from pipelines.stages.trainer import TrainerConfig, train

CONFIG = TrainerConfig.of("mlp", "digits", epochs=2, batch_size=32)


def _files(model: Model) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(model.path.iterdir())}


def test_a_model_with_its_report(digits: Examples, new: Callable[..., Schema], tmp_path: Path) -> None:
    schema, model = new(Schema), new(Model)
    (schema.path / "schema.pbtxt").write_text("feature {}")
    shown: list[str] = []
    context = Context(tmp_path / "scratch", show=lambda text: shown.append(str(text)))
    metrics = train(CONFIG, context, examples=digits, schema=schema, model=model)
    assert metrics["test_accuracy"] > 0.7
    assert {"model.keras", "report.html", "report.json", "log.csv", "schema.pbtxt"} <= _files(model).keys()
    images, labels = read_dataset(digits).splits["test"].arrays()
    saved = keras.models.load_model(model.path / "model.keras")
    found = saved.predict(images.astype(np.float32), verbose=0).argmax(axis=1)
    assert np.mean(found == labels) == pytest.approx(metrics["test_accuracy"]), "it is the reported model"
    assert any("epoch 2" in line for line in shown)


def test_a_stopped_run_goes_on_to_the_same_files(
    few_digits: Examples, new: Callable[..., Model], tmp_path: Path
) -> None:
    said: list[str] = []
    questions = itertools.count()
    scratch = tmp_path / "scratch"
    stopping = Context(scratch, should_stop=lambda: next(questions) >= 5)
    resumed, through = new(Model, "resumed"), new(Model, "through")
    with pytest.raises(Stopped):
        train(CONFIG, stopping, examples=few_digits, schema=None, model=resumed)
    assert not _files(resumed)
    train(CONFIG, Context(scratch, say=said.append), examples=few_digits, schema=None, model=resumed)
    assert said == ["going on from the last checkpoint"]
    train(CONFIG, Context(tmp_path / "anew"), examples=few_digits, schema=None, model=through)
    assert _files(resumed) == _files(through), "equal to the byte, and nothing tells of times or folders"


def test_a_single_setting_can_be_changed(digits: Examples, new: Callable[..., Model], tmp_path: Path) -> None:
    changed = dataclasses.replace(CONFIG, learning_rate=1e-9, epochs=1)
    model = new(Model)
    metrics = train(changed, Context(tmp_path / "scratch"), examples=digits, schema=None, model=model)
    assert metrics["test_accuracy"] < 0.3, "hardly anything was learned"
    assert json.loads((model.path / "report.json").read_text())["settings"]["learning_rate"] == 1e-9
    with pytest.raises(InputError, match=r"workers must be a whole number, at least 1. Received: workers=0"):
        dataclasses.replace(CONFIG, workers=0)


def test_a_recipe_s_model(digits: Examples, new: Callable[..., Model], tmp_path: Path) -> None:
    config = TrainerConfig.of("perceptron", epochs=3)
    metrics = train(config, Context(tmp_path / "scratch"), examples=digits, schema=None, model=new(Model))
    assert metrics["test_accuracy"] > 0.85


def test_a_lost_shard_is_named(digits: Examples, new: Callable[..., Model], tmp_path: Path) -> None:
    damaged = new(Examples, "damaged")
    for path in digits.path.iterdir():
        (damaged.path / path.name).write_bytes(path.read_bytes())
    lost = damaged.path / "train-00001-of-00002.tfrecord"
    lost.unlink()
    with pytest.raises(InputError, match=lost.name):
        train(CONFIG, Context(tmp_path / "scratch"), examples=damaged, schema=None, model=new(Model))


def _workers(task: Path) -> list[int]:
    """Processes that were started with a task, found in the system's own list."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                line = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(task) in line.split(b"\0"):
                found.append(int(folder.name))
    return found


@pytest.mark.large
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds the workers in /proc")
def test_two_workers_of_which_one_is_killed(
    digits: Examples, new: Callable[..., Model], tmp_path: Path
) -> None:
    config = TrainerConfig.of("mlp", workers=2, epochs=8, batch_size=32)
    scratch, model, said = tmp_path / "scratch", new(Model), []
    killed: list[int] = []

    def kill_one(line: str) -> None:
        if not killed and "epoch 2" in line:
            killed.append(_workers(scratch / "workers.json")[-1])
            os.kill(killed[0], signal.SIGKILL)

    context = Context(scratch, show=kill_one, say=said.append)
    metrics = train(config, context, examples=digits, schema=None, model=model)
    assert killed
    assert [line for line in said if "was lost" in line]
    assert metrics["test_accuracy"] > 0.85
    report = json.loads((model.path / "report.json").read_text())
    assert [row["epoch"] for row in report["history"]] == list(range(1, 9))
    assert not _workers(scratch / "workers.json")


@pytest.mark.large
def test_several_workers_tell_what_is_wrong(
    digits: Examples, new: Callable[..., Model], tmp_path: Path
) -> None:
    config = TrainerConfig.of("perceptron", workers=2)
    with pytest.raises(InputError, match="can't be distributed"):
        train(config, Context(tmp_path / "scratch"), examples=digits, schema=None, model=new(Model))
