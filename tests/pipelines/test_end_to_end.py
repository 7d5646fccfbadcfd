"""The ready pipelines from the command line to what a user has of them: served answers, painted pictures."""

import contextlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nst_keras.cli import query
from nst_keras.data.digits import test_mask as of_the_test
from nst_keras.data.digits import to_bytes
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.images import read_image, write_image
from nst_keras.served.store import check_version, find_versions
from nst_keras.serving.server.server import ModelServer
from nst_keras.serving.server.settings import ServerSettings
from pipelines import run
from pipelines.engine.store.store import Store

SHORT = "--set=Trainer.epochs=6"  # instead of 20
CLASSIFIER = ("--pipeline=classifier", "--pipeline_root=root", "--serving_dir=served", SHORT)
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the classifier's pipeline ran, in a process of its own."""
    folder = tmp_path_factory.mktemp("finished")
    command = [sys.executable, "-m", "pipelines.run", *CLASSIFIER]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / done.stdout.strip()).is_file()
    assert "Pusher" in done.stderr and "Traceback" not in done.stderr and "oneDNN" not in done.stderr
    return folder


@pytest.fixture
def again(finished: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to run in once more."""
    return shutil.copytree(finished, tmp_path, dirs_exist_ok=True)


def _nodes(root: Path) -> dict[str, bool]:
    """The last run's nodes, and whether each was cached."""
    store = Store(root, create=False)
    with contextlib.closing(store):
        (number,) = store.connection.execute("SELECT max(id) FROM run").fetchone()
        return {name: cached for name, (_, cached) in store.run_executions(number).items()}


def test_the_pushed_classifier_is_served_and_knows_digits_it_never_saw(
    finished: Path, tmp_path: Path, run_main: Run
) -> None:
    found = load_digits()
    test = np.flatnonzero(of_the_test(found.target))
    pictures = to_bytes(found.images)
    (tmp_path / "digits").mkdir()
    for digit in range(10):
        number = next(number for number in test if found.target[number] == digit)
        write_image(tmp_path / "digits" / f"{digit}.png", np.repeat(pictures[number][..., None], 3, -1))
    settings = ServerSettings(serving_dir=str(finished / "served"), rest_api_port=0, port=0, isolate=False)
    with ModelServer(settings) as server:
        ask = [query.main, f"--rest={server.rest_address}", "--model=classifier"]
        one = run_main(*ask, "--content=digits/7.png")
        assert one.returncode == 0, one.stderr
        assert one.stdout.split()[:2] == ["digits/7.png", "7"]
        done = run_main(*ask, "--content=digits", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    right = [Path(row["content"]).stem == row["class_name"] for row in rows]
    assert len(right) == 10 and sum(right) >= 9


def test_a_second_run_takes_over_everything_and_never_loads_tensorflow(again: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "pipelines.run", *CLASSIFIER]
    done = subprocess.run(command, cwd=again, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(_nodes(again / "root").values())
    imported = re.findall(r"^import time:.*\| +(\w+)$", done.stderr, re.MULTILINE)
    assert "pipelines" in imported and not {"tensorflow", "keras"} & set(imported)
    assert list(find_versions(again / "served" / "classifier")) == [1]


@pytest.mark.large
def test_another_learning_rate_redoes_the_training_and_what_follows_from_it(
    again: Path, run_main: Run
) -> None:
    done = run_main(run.main, *CLASSIFIER, "--set=Trainer.learning_rate=0.003")
    assert done.returncode == 0, done.stderr
    redone = [name for name, cached in _nodes(again / "root").items() if not cached]
    assert sorted(redone) == ["Evaluator", "Exporter", "InfraValidator", "Pusher", "Trainer"]


@pytest.mark.large  # the stage itself has smaller tests
def test_a_fine_tuned_network_is_pushed(run_main: Run, tmp_path: Path, real_weights: VGG19Weights) -> None:
    flags = ["--pipeline=fine_tuning", "--pipeline_root=root", "--serving_dir=served"]
    flags += ["--set=FineTuner.base_weights=8bit"]
    done = run_main(run.main, *flags)
    assert done.returncode == 0, done.stderr
    assert check_version(tmp_path / "served" / "fine_tuned" / "1") is not None
    again = run_main(run.main, *flags)
    assert again.returncode == 0, again.stderr
    assert all(_nodes(tmp_path / "root").values())


@pytest.mark.large
def test_a_stylizer_is_pushed_and_used_only_if_it_is_good_enough(
    run_main: Run, tmp_path: Path, real_weights: VGG19Weights, shallow_loss: None
) -> None:
    flags = ["--pipeline=stylizer", "--pipeline_root=root", "--serving_dir=served"]
    flags += [
        f"--set={change}"
        for change in (
            "CollectionGen.most_photos=1",
            "CollectionGen.paintings=sample:ink",
            "CollectionGen.longest_side=96",
            "StylizerTrainer.num_steps=1",
            "StylizerTrainer.batch_size=1",
            "StylizerTrainer.crop_size=64",
            "StylizerTrainer.style_size=64",
            "StylizerTrainer.num_previews=0",
            "StylizerTrainer.vgg=8bit",
            "Evaluator.size=64",
            "Evaluator.painting_size=64",
            "Evaluator.huge_side=96",
            "Evaluator.independent=none",
            "Evaluator.vgg=8bit",
            "BulkInferrer.style=ink",
        )
    ]
    strict = run_main(run.main, *flags, "--set=Evaluator.least_fall=0.99")
    assert strict.returncode == 3
    assert "stylizer isn't pushed: not blessed: " in strict.stderr and "Traceback" not in strict.stderr
    assert "BulkInferrer: " in strict.stderr and "no model was pushed as stylizer" in strict.stderr
    assert not (tmp_path / "served").exists()
    lenient = ["--set=Evaluator.least_fall=0", "--set=Evaluator.most_content=9"]
    done = run_main(run.main, *flags, *lenient)
    assert done.returncode == 0, done.stderr
    cached = _nodes(tmp_path / "root")
    assert cached["StylizerTrainer"] and cached["Exporter"] and not cached["Evaluator"]
    assert check_version(tmp_path / "served" / "stylizer" / "1") is not None
    painted = list((tmp_path / "root" / "artifacts").glob("InferenceResult/*/**/*.png"))
    assert painted and all(max(read_image(path).shape[:2]) == 96 for path in painted)


def test_every_photo_of_a_collection_is_painted(
    run_main: Run, tmp_path: Path, real_weights: VGG19Weights
) -> None:
    flags = ["--pipeline=style_transfer", "--pipeline_root=root", "--serving_dir=served"]
    flags += [
        f"--set={change}"
        for change in (
            "CollectionGen.paintings=sample:ink",
            "StyleTransfer.size=48",
            "StyleTransfer.coarse_steps=0",
            "StyleTransfer.num_steps=2",
            "StyleTransfer.content_layers=relu2_1",
            "StyleTransfer.style_layers=relu1_1",
            "StyleTransfer.vgg=8bit",
        )
    ]
    done = run_main(run.main, *flags)
    assert done.returncode == 0, done.stderr
    pictures = sorted((tmp_path / "root" / "artifacts").glob("Pictures/*/pictures/ink/*.png"))
    assert [path.name for path in pictures] == ["china.png", "flower.png"]
    assert all(max(read_image(path).shape[:2]) == 48 for path in pictures)
