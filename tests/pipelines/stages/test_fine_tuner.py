"""FineTuner: a shallow part of the real network re-trained on stripes, stopped in both phases."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from nst_keras.models.vgg19_layout import VGG19Weights
from pipelines.engine.stage import Context, Stopped
from pipelines.examples.files import Example, ExampleInfo, encode_picture, shard_name, write_info, write_shard
from pipelines.kinds import Examples, Model
from pipelines.stages.fine_tuner import FineTunerConfig, fine_tune

CONFIG = FineTunerConfig(
    base_layer="relu2_1", image_size=24, unfreeze="conv2_1", epochs=2, batch_size=8, learning_rate=1e-4
)
SIZES = {"train": 24, "validation": 8, "test": 8}


@pytest.fixture
def stripes(real_weights: VGG19Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Examples:
    """Stripes that go across or down, in any colours; and a cache of features of their own."""
    monkeypatch.setattr(
        "nst_keras.classifiers.fine_tuning.feature_store.cache_dir", lambda: tmp_path / "cache"
    )
    rng, folder = np.random.default_rng(0), tmp_path / "stripes"
    folder.mkdir()
    for split, size in SIZES.items():
        found = []
        for number in range(size):
            wave = np.sin(np.indices((32, 32))[number % 2] * rng.uniform(0.6, 1.2) + rng.uniform(0, 6))
            picture = 127 + wave[..., None] * rng.uniform(40, 120, 3)
            found.append(Example(f"{split}{number}", encode_picture(picture.astype(np.uint8)), number % 2))
        write_shard(folder / shard_name(split, 0, 1), found)
    info = ExampleInfo("stripes", ("across", "down"), (32, 32, 3), {s: (n,) for s, n in SIZES.items()})
    write_info(folder, info)
    return Examples(folder)


@pytest.mark.parametrize(
    ("questions", "going_on"),
    [
        (1, "features of train pictures: 40/48"),
        pytest.param(8, "going on at step 3 of 6", marks=pytest.mark.large),
    ],
)
def test_a_stopped_run_goes_on_to_the_same_files(
    questions: int, going_on: str, stripes: Examples, new: Callable[..., Model], tmp_path: Path
) -> None:
    """Stopped while features are computed, and in the second phase."""
    asked, scratch = itertools.count(1), tmp_path / "scratch"
    resumed, through = new(Model, "resumed"), new(Model, "through")
    with pytest.raises(Stopped):
        stopping = Context(scratch, should_stop=lambda: next(asked) >= questions)
        fine_tune(CONFIG, stopping, examples=stripes, model=resumed)
    assert not list(resumed.path.iterdir())
    shown: list[str] = []
    metrics = fine_tune(
        CONFIG, Context(scratch, show=lambda text: shown.append(str(text))), examples=stripes, model=resumed
    )
    assert going_on in shown and "features of train pictures: 16/48" not in shown
    assert metrics["test_accuracy"] == 1.0
    fine_tune(CONFIG, Context(tmp_path / "anew"), examples=stripes, model=through)
    names = {path.name for path in through.path.iterdir()}
    assert {"model.keras", "report.html", "report.json", "grad_cam.png", "log.csv"} <= names
    for name in names:
        assert (resumed.path / name).read_bytes() == (through.path / name).read_bytes(), name
    model = keras.models.load_model(resumed.path / "model.keras")
    assert model.output_shape == (None, 2)
    settings = json.loads((resumed.path / "report.json").read_text())["settings"]
    assert settings["base_layer"] == "relu2_1"
