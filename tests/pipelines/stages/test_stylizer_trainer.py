"""StylizerTrainer: a stylizer out of a collection, stopped and gone on with, begun with another one."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.fields import change_settings, parse_settings
from nst_keras.models.multi_style import multi_style
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.images import read_image
from nst_keras.stylizers.arbitrary.file import read_arbitrary_stylizer
from nst_keras.stylizers.multi_style.file import MultiStyleStylizer, read_stylizer, write_stylizer
from pipelines.engine.stage import Context, Stopped
from pipelines.kinds import Examples, Model
from pipelines.stages.stylizer_trainer import StylizerTrainer, StylizerTrainerConfig, train

SMALL = StylizerTrainerConfig(
    width=0.125,
    num_steps=3,
    batch_size=1,
    crop_size=64,
    style_size=64,
    vgg="8bit",
    log_every=1,
    num_previews=1,
    preview_size=64,
)


@pytest.fixture(autouse=True)
def weights(real_weights: VGG19Weights, shallow_loss: None) -> None:
    """They are there."""


@pytest.mark.large
def test_a_training_that_is_stopped_goes_on(
    collection: Examples, make_output: Callable[..., Any], contents: Callable, tmp_path: Path
) -> None:
    lines: list[str] = []
    said: list[str] = []
    output = make_output(Model, "output")
    asked = iter([True])
    with pytest.raises(Stopped):
        halting = Context(tmp_path / "scratch", should_stop=lambda: next(asked))
        train(SMALL, halting, examples=collection, model=output)
    assert not list(output.path.iterdir())
    context = Context(tmp_path / "scratch", say=said.append, show=lambda text: lines.append(str(text)))
    report = train(SMALL, context, examples=collection, model=output)
    assert "going on at step 1 of 3" in said
    assert lines[-1].startswith("step 3/3  loss ")
    assert (report["steps"], report["photos"], report["styles"]) == (3, 3, ["broad", "fine"])
    assert sorted(contents(output)) == ["log.csv", "previews.png", "stylizer.npz"]
    rows = list(csv.DictReader((output.path / "log.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["1", "2", "3"] and "seconds" not in rows[0]
    assert report["loss"] == pytest.approx(float(rows[-1]["loss"]))
    assert read_image(output.path / "previews.png").shape[1] > 2 * 64
    stylizer = read_stylizer(output.path / "stylizer.npz")
    assert stylizer.styles == ("broad", "fine")
    assert stylizer.card["settings"] == SMALL.settings.to_dict()
    assert not {"seconds", "init", "output_dir"} & stylizer.card.keys()


@pytest.mark.large  # the trainer that adds a style is tried every time
def test_a_new_style_is_added_to_a_stylizer(
    write_collection: Callable[..., Examples],
    photos: dict[str, bytes],
    paintings: dict[str, bytes],
    make_output: Callable[..., Any],
    tmp_path: Path,
) -> None:
    initial = MultiStyleStylizer(multi_style(1, width=0.125), ("broad",), 0.125)
    write_stylizer(tmp_path / "initial.npz", initial)
    examples = write_collection({"photos": photos, "paintings": {"fine": paintings["fine"]}})
    config = replace(SMALL, init=str(tmp_path / "initial.npz"), num_steps=1, num_previews=0)
    output = make_output(Model, "output")
    train(config, Context(tmp_path / "scratch"), examples=examples, model=output)
    trained = read_stylizer(output.path / "stylizer.npz")
    assert trained.styles == ("broad", "fine")
    assert not (output.path / "previews.png").exists()
    for old, new in zip(initial.model.weights, trained.model.weights, strict=True):
        kept = np.asarray(new)[:1] if new.name in ("gamma", "beta") else np.asarray(new)
        np.testing.assert_allclose(kept, old, atol=1e-3)  # files have 16 bits


def test_a_stylizer_of_any_painting(
    collection: Examples, make_output: Callable[..., Any], contents: Callable, tmp_path: Path
) -> None:
    said: list[str] = []
    output = make_output(Model, "output")
    config = change_settings(SMALL, {"architecture": "arbitrary", "decay": "0.1", "num_steps": "1"})
    report = train(config, Context(tmp_path / "scratch", say=said.append), examples=collection, model=output)
    assert "any style, of 2 paintings: 3 photos" in said
    assert (report["steps"], report["styles"]) == (1, []) and report["content"] > 0
    assert sorted(contents(output)) == ["log.csv", "previews.png", "stylizer.npz"]
    stylizer = read_arbitrary_stylizer(output.path / "stylizer.npz")
    assert stylizer.card["settings"] == config.settings.to_dict() and "seconds" not in stylizer.card
    assert (stylizer.style_size, config.settings.decay, config.settings.learning_rate) == (64, 0.1, 1e-4)


def test_a_config_says_only_what_differs_from_the_architecture_s_own() -> None:
    config = StylizerTrainerConfig(architecture="arbitrary", num_steps=3)
    assert config.settings.num_steps == 3 and config.settings.content_weight == 1.0
    assert StylizerTrainerConfig().settings.content_weight == 20.0
    assert parse_settings(StylizerTrainerConfig, json.loads(json.dumps(config.to_dict()))) == config
    with pytest.raises(InputError, match="decay is for architecture=arbitrary only"):
        StylizerTrainerConfig(decay=0.1)


def test_what_is_missing_is_named(
    write_collection: Callable[..., Examples],
    photos: dict[str, bytes],
    paintings: dict[str, bytes],
    make_output: Callable[..., Any],
    tmp_path: Path,
) -> None:
    output = make_output(Model, "output")
    for splits, message in (
        ({"photos": photos, "paintings": {}}, "must hold a picture in the split paintings"),
        ({"photos": {}, "paintings": paintings}, "must hold a picture in the split photos"),
        ({"photos": photos}, "must have the split paintings"),
        ({"photos": {"cut": photos["left"][:500]}, "paintings": paintings}, "cut cannot be decoded"),
    ):
        examples = write_collection(splits, message.replace(" ", "-"))
        with pytest.raises(InputError, match=message):
            train(SMALL, Context(tmp_path / "scratch"), examples=examples, model=output)
    with pytest.raises(InputError, match="crop_size must be a whole number, at least 64"):
        StylizerTrainerConfig(crop_size=10)


def test_files_outside_the_pipeline_are_part_of_the_stage(tmp_path: Path) -> None:
    assert StylizerTrainer.reads(SMALL) == []
    (shipped,) = StylizerTrainer.reads(replace(SMALL, init="shipped"))
    assert read_stylizer(shipped).digest == read_stylizer().digest
    own = replace(SMALL, init="own.npz", vgg="own.mat")
    assert StylizerTrainer.reads(own) == [Path("own.npz"), Path("own.mat")]
