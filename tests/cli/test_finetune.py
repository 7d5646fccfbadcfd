"""nst-finetune as a user runs it, on a folder of pictures with a shallow part of the real network."""

import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from nst_keras.cli import finetune
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.images import write_image

FAST = ["--dataset=pictures", "--base_layer=relu2_1", "--image_size=24", "--output_dir=out"]


@pytest.fixture
def pictures(tmp_path: Path, real_weights: VGG19Weights) -> Path:
    """Forty pictures of stripes that go down or across, in any colours and unequal sizes."""
    rng = np.random.default_rng(0)
    for kind, axis in (("across", 0), ("down", 1)):
        folder = tmp_path / "pictures" / kind
        folder.mkdir(parents=True)
        for number in range(20):
            height, width = rng.integers(40, 70, 2)
            grid = np.indices((height, width))[axis]
            stripes = np.sin(grid * rng.uniform(0.6, 1.2) + rng.uniform(0, 6))[..., None]
            picture = 127 + stripes * rng.uniform(40, 120, 3) + rng.normal(0, 10, (height, width, 3))
            write_image(folder / f"{number}.{('png', 'jpg', 'webp')[number % 3]}", picture)
    return tmp_path


@pytest.fixture
def run_here(
    pictures: Path, run_main: Callable, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command with a cache of its own for features."""
    monkeypatch.setattr(
        "nst_keras.classifiers.fine_tuning.feature_store.cache_dir", lambda: pictures / "cache"
    )
    return functools.partial(run_main, finetune.main, *FAST)


def test_head_alone_learns_and_leaves_everything(run_here: Callable, pictures: Path) -> None:
    import tensorflow as tf

    done = run_here("--epochs=0", "--saved_model", "--folds=3")
    assert (done.returncode, done.stdout) == (0, "out/report.html\n"), done.stderr
    report = json.loads((pictures / "out/report.json").read_text())
    metrics = report["metrics"]
    assert metrics["test_accuracy"] == 1.0
    assert metrics["test_accuracy_low"] < 0.9, "eight test pictures prove little"
    assert metrics["cv_accuracy"] > 0.9
    assert metrics["cv_accuracy_low"] < metrics["cv_accuracy"]
    assert {"across", "down"} == {row["name"] for row in report["classes"]}
    assert (pictures / "out/grad_cam.png").stat().st_size > 10_000
    model = keras.models.load_model(pictures / "out/model.keras")
    served = tf.saved_model.load(pictures / "out/saved_model").signatures["serve_image_bytes"]
    for kind in ("across", "down"):
        files = sorted((pictures / "pictures" / kind).iterdir())[:9]
        readable = [file.read_bytes() for file in files if file.suffix != ".webp"]
        answers = served(image_bytes=tf.constant(readable))["class_name"].numpy()
        assert set(answers) == {kind.encode()}
    assert model.input_shape == (None, None, None, 3)


@pytest.mark.large
def test_the_second_run_takes_features_from_the_cache(run_here: Callable, pictures: Path) -> None:
    assert "features of" in run_here("--epochs=0").stderr
    again = run_here("--epochs=0", "--hidden=16", "--head_epochs=5")
    assert again.returncode == 0
    assert "features of" not in again.stderr


@pytest.mark.large  # the stage and the head alone are tried every time
def test_both_phases(run_here: Callable, pictures: Path) -> None:
    done = run_here("--epochs=2", "--unfreeze=conv2_1", "--batch_size=8", "--learning_rate=0.0001")
    assert done.returncode == 0, done.stderr
    report = json.loads((pictures / "out/report.json").read_text())
    assert report["metrics"]["test_accuracy"] == 1.0
    learned = [epoch for epoch in report["history"] if "learning_rate" in epoch]
    assert len(learned) == 2
    numbers = [epoch["epoch"] for epoch in report["history"]]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.large
def test_a_killed_run_goes_on_to_the_same_place(run_here: Callable, pictures: Path) -> None:
    flags = ["--epochs=6", "--unfreeze=conv2_1", "--batch_size=4", "--checkpoint_seconds=1"]
    command = [sys.executable, "-m", "nst_keras.cli.finetune", *FAST, *flags]
    # A cache of its own: features that another version kept may be rounded otherwise.
    own = os.environ | {"XDG_CACHE_HOME": str(pictures / "own")}
    process = subprocess.Popen(command, cwd=pictures, stderr=subprocess.PIPE, text=True, env=own)
    deadline = time.monotonic() + 120
    while not (pictures / "out/checkpoint.npz").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.communicate(timeout=60)
    resumed = run_here(*flags)
    assert resumed.returncode == 0, resumed.stderr
    assert "going on at step" in resumed.stderr
    killed = json.loads((pictures / "out/report.json").read_text())
    assert run_here(*flags, "--output_dir=through").returncode == 0
    through = json.loads((pictures / "through/report.json").read_text())
    assert killed["fingerprints"] == through["fingerprints"]


@pytest.mark.parametrize(
    "flags,code,message",
    [
        (["--base=resnet"], 1, "MobileNetV2"),
        (["--base=MobileNetV2"], 1, "--base_weights"),
        (["--epochs=1", "--unfreeze=conv9"], 1, "conv1_1"),
        (["--base_layer=conv9_9"], 1, "relu2_1"),
        (["--dropout=1.5"], 2, "--dropout must be"),
        (["--folds=30"], 1, "at least 30 pictures of each class. Received: a class with 20"),
        (["--dataset=nothing/"], 1, "nothing"),
    ],
)
def test_bad_input_is_named(
    run_here: Callable, pictures: Path, flags: list[str], code: int, message: str
) -> None:
    done = run_here(*flags)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (pictures / "out").exists()


def test_it_asks_what_to_learn(run_main: Callable, tmp_path: Path) -> None:
    done = run_main(finetune.main)
    assert done.returncode == 2 and "--dataset is missing: a folder with a folder" in done.stderr
    assert not list(tmp_path.iterdir())
