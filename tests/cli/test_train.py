"""nst-train as a user runs it: files, messages, going on after a kill, several workers."""

import contextlib
import csv
import functools
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from nst_keras.classifiers.registry import CLASSIFIERS
from nst_keras.classifiers.trainer import ClassifierTrainer, StepResult
from nst_keras.cli import train
from nst_keras.data.datasets import load_dataset
from nst_keras.pictures.images import write_image

COMMAND = [sys.executable, "-m", "nst_keras.cli.train"]
SHORT = ["--model=mlp", "--epochs=1", "--output_dir=out"]


@pytest.fixture
def run_here(run_main: Callable) -> Callable[..., subprocess.CompletedProcess[str]]:
    return functools.partial(run_main, train.main)


# Below what each reaches, above what a broken one would: chance is .1.
@pytest.mark.parametrize(
    "model,least",
    [
        ("perceptron", 0.9),
        pytest.param("adaline", 0.88, marks=pytest.mark.large),
        pytest.param("mlp", 0.92, marks=pytest.mark.large),
        pytest.param("small_cnn", 0.92, marks=pytest.mark.large),
        pytest.param("advanced_cnn", 0.93, marks=pytest.mark.large),
    ],
)
def test_every_model_trains_on_digits(run_here: Callable, tmp_path: Path, model: str, least: float) -> None:
    done = run_here(f"--model={model}", "--epochs=10", "--batch_size=32", "--output_dir=out")
    assert (done.returncode, done.stdout) == (0, "out/report.html\n"), done.stderr
    assert "1299 train, 143 validation, 355 test pictures of 8x8x1, 10 classes" in done.stderr
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["metrics"]["test_accuracy"] > least
    # The saved model is the reported one.
    images, labels = load_dataset("digits").splits["test"].arrays()
    saved = keras.models.load_model(tmp_path / "out/model.keras")
    found = saved.predict(images.astype(np.float32), verbose=0).argmax(axis=1)
    assert np.mean(found == labels) == pytest.approx(report["metrics"]["test_accuracy"])
    rows = list(csv.DictReader((tmp_path / "out/log.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == [str(number) for number in range(1, 11)]
    accuracies = [float(row["val_accuracy"]) for row in rows]
    best = report["metrics"]["best_epoch"] - 1
    assert report["metrics"]["val_accuracy"] == max(accuracies) == accuracies[best]


def test_all_models_are_tried_above() -> None:
    (mark,) = test_every_model_trains_on_digits.pytestmark
    assert tuple(getattr(each, "values", each)[0] for each in mark.args[1]) == tuple(CLASSIFIERS)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a short training left everything in `out`."""
    folder = tmp_path_factory.mktemp("trained")
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["nst-train", *SHORT, "--saved_model"])
        with pytest.raises(SystemExit) as ended:
            train.main()
    assert not ended.value.code
    return folder


def test_a_saved_model_folder_and_the_report_s_files(trained: Path) -> None:
    import tensorflow as tf

    names = {path.name for path in (trained / "out").iterdir()}
    pictures = {"learning_curves.png", "confusion_matrix.png", "mistakes.png"}
    assert pictures | {"report.html", "report.json", "model.keras", "saved_model", "tensorboard"} <= names
    assert not any(name.startswith(".") for name in names)
    images = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 1)).astype(np.float32)
    served = tf.saved_model.load(trained / "out/saved_model").signatures["serving_default"](image=images)
    expected = keras.models.load_model(trained / "out/model.keras")(images)
    np.testing.assert_allclose(next(iter(served.values())), expected, rtol=1e-5, atol=1e-5)


def test_the_same_command_again_only_writes_the_report_anew_and_others_are_refused(
    trained: Path, run_here: Callable, tmp_path: Path
) -> None:
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    before = json.loads((tmp_path / "out/report.json").read_text())
    events = {path.name for path in (tmp_path / "out/tensorboard").iterdir()}
    again = run_here(*SHORT)
    assert again.returncode == 0
    assert "epoch 1/1" not in again.stderr
    assert json.loads((tmp_path / "out/report.json").read_text()) == before
    refused = run_here(*SHORT, "--learning_rate=0.005")
    assert refused.returncode == 1
    assert "learning_rate (was 0.001, is 0.005)" in refused.stderr
    assert "--restart" in refused.stderr
    assert run_here(*SHORT, "--learning_rate=0.005", "--restart").returncode == 0
    # Of the training before nothing is left.
    assert not (tmp_path / "out/saved_model").exists()
    assert events.isdisjoint(path.name for path in (tmp_path / "out/tensorboard").iterdir())


def test_early_stopping(run_here: Callable, tmp_path: Path) -> None:
    done = run_here("--model=perceptron", "--epochs=500", "--patience=3", "--output_dir=out")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert len(report["history"]) == report["metrics"]["best_epoch"] + 3 < 500


@pytest.mark.parametrize(
    "flags,code,message",
    [
        (["--model=vgg"], 2, "--model must be one of perceptron, adaline, mlp, small_cnn, advanced_cnn"),
        (["--epochs=0"], 2, "--epochs must be a whole number, at least 1"),
        (["--validation=1.5"], 2, "--validation must be a finite number, above 0 and below 1"),
        (["stray"], 2, "unexpected argument 'stray'"),
        (["--dataset=nothing/"], 1, "nothing"),
        (["--output_dir=file/out"], 1, "--output_dir: file/out can't be made"),
        (["--model=mlp", "--learning_rate=1e30", "--optimizer=sgd", "--epochs=2"], 1, "is too high"),
    ],
)
def test_bad_input_is_named(
    run_here: Callable, tmp_path: Path, flags: list[str], code: int, message: str
) -> None:
    (tmp_path / "file").write_text("")
    done = run_here(*flags)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_data_set_leaves_no_folder(run_main: Callable, tmp_path: Path) -> None:
    for name in ("picturs/", "digitz", "./"):
        done = run_main(train.main, f"--dataset={name}")
        assert done.returncode == 1 and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_stopped_run_goes_on_to_the_same_place(
    run_here: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--model=mlp", "--epochs=2", "--batch_size=128"]
    step, taken = ClassifierTrainer.step, itertools.count(1)

    def interrupted(*arguments: Any) -> StepResult:
        if next(taken) == 15:  # in the second epoch
            signal.raise_signal(signal.SIGINT)
        return step(*arguments)

    monkeypatch.setattr(ClassifierTrainer, "step", interrupted)
    stopped = run_here(*flags, "--output_dir=stopped")
    assert stopped.returncode == 130 and not (tmp_path / "stopped/report.html").exists()
    assert "going on at step 15" in _goes_on(run_here, tmp_path, "stopped", flags)


@pytest.mark.large  # TensorFlow starts once more
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_run_goes_on_to_the_same_place(run_here: Callable, tmp_path: Path, kill: int) -> None:
    flags = ["--model=mlp", "--epochs=6", "--batch_size=32", "--checkpoint_seconds=1"]
    process = subprocess.Popen(
        [*COMMAND, *flags, "--output_dir=killed"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    checkpoint = tmp_path / "killed/checkpoint.npz"
    deadline = time.monotonic() + 100
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(kill)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (130 if kill == signal.SIGINT else -kill), errors
    assert not (tmp_path / "killed/report.html").exists()
    assert "going on at step" in _goes_on(run_here, tmp_path, "killed", flags)


def _goes_on(run_here: Callable, folder: Path, stopped: str, flags: list[str]) -> str:
    """What is said when a stopped training goes on, which must end as one that was never stopped."""
    resumed = run_here(*flags, f"--output_dir={stopped}")
    assert resumed.returncode == 0, resumed.stderr
    assert run_here(*flags, "--output_dir=through").returncode == 0
    ours, through = (json.loads((folder / name / "report.json").read_text()) for name in (stopped, "through"))
    assert ours["fingerprints"] == through["fingerprints"], "weights equal to the bit"
    for one, other in zip(ours["history"], through["history"], strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    return resumed.stderr


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _start_workers(folder: Path, *flags: str) -> list[subprocess.Popen[str]]:
    workers = [f"127.0.0.1:{port}" for port in _free_ports(2)]
    processes = []
    for index in range(2):
        task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        processes.append(
            subprocess.Popen(
                [*COMMAND, "--distribute=multi_worker", *flags],
                cwd=folder,
                env=os.environ | {"TF_CONFIG": json.dumps(task)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return processes


@pytest.mark.large  # TensorFlow starts three times
def test_two_workers_equal_one(run_here: Callable, tmp_path: Path) -> None:
    """With augmentation and batch normalisation; few steps, before rounding differences grow."""
    flags = ["--model=advanced_cnn", "--epochs=1", "--batch_size=433", "--learning_rate=0.01", "--warmup=0"]
    processes = _start_workers(tmp_path, *flags, "--output_dir=two")
    assert run_here(*flags, "--output_dir=one").returncode == 0
    outputs = [process.communicate(timeout=150) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert [output[0] for output in outputs] == ["two/report.html\n", ""]
    one, two = (
        keras.models.load_model(tmp_path / name / "model.keras").get_weights() for name in ("one", "two")
    )
    for single, double in zip(one, two, strict=True):
        np.testing.assert_allclose(single, double, rtol=1e-3, atol=1e-4)
    histories = [
        json.loads((tmp_path / name / "report.json").read_text())["history"] for name in ("one", "two")
    ]
    assert histories[0][0]["loss"] == pytest.approx(histories[1][0]["loss"], rel=1e-5)


def test_a_perceptron_without_errors_has_learned_all_it_can(run_here: Callable, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, brightness in (("dark", 60), ("bright", 190)):
        folder = tmp_path / "pictures" / name
        folder.mkdir(parents=True)
        for number in range(20):
            write_image(folder / f"{number}.png", rng.uniform(brightness - 50, brightness + 50, (8, 8, 3)))
    done = run_here("--model=perceptron", "--dataset=pictures", "--epochs=500", "--output_dir=out")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert len(report["history"]) < 500
    assert report["history"][-1]["loss"] == 0


@pytest.mark.large
def test_mixed_precision_leaves_a_model_in_float32_that_opens_in_another_command(
    run_here: Callable, tmp_path: Path
) -> None:
    """In a process of its own, which hasn't loaded the classes of the layers inside."""
    flags = ["--epochs=1", "--precision=mixed_bfloat16"]
    assert run_here("--model=advanced_cnn", "--flip", *flags, "--output_dir=out").returncode == 0
    model = keras.models.load_model(tmp_path / "out/model.keras")
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert run_here("--model=perceptron", *flags, "--output_dir=rule").returncode == 0
    command = [sys.executable, "-m", "nst_keras.cli.draw", "--figure=filters", "--model=out/model.keras"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "config,received",
    [
        ("", "no TF_CONFIG"),
        ('{"cluster": {"chief": ["127.0.0.1:1"], "worker": ["127.0.0.1:2"]}}', "chief, worker"),
        ("no JSON", "TF_CONFIG can't be used"),
    ],
)
def test_a_cluster_that_can_not_be_used_is_told_at_once(
    run_here: Callable, monkeypatch: pytest.MonkeyPatch, config: str, received: str
) -> None:
    monkeypatch.setenv("TF_CONFIG", config)
    if not config:
        monkeypatch.delenv("TF_CONFIG")
    done = run_here("--distribute=multi_worker")
    assert done.returncode == 1
    assert "TF_CONFIG" in done.stderr
    assert received in done.stderr
