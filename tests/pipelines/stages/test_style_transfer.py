"""StyleTransfer: pictures, tables, a sheet; kills and broken pictures on the way."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.images import encode_image, read_image, read_settings
from pipelines.engine.stage import Context, Stopped
from pipelines.kinds import Examples, Pictures
from pipelines.stages.style_transfer import StyleTransfer, StyleTransferConfig, transfer

SMALL = StyleTransferConfig.of_preset(
    "preview",
    size=48,
    coarse_steps=0,
    num_steps=3,
    content_layers={"relu2_1": 1.0},
    style_layers={"relu1_1": 1.0},
    vgg="8bit",
    sheet_side=48,
)


@pytest.fixture(autouse=True)
def weights(real_weights: VGG19Weights) -> None:
    """They are there."""


def _table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_every_photo_is_painted_in_every_style(
    collection: Examples, make_output: Callable[..., Any], contents: Callable, tmp_path: Path
) -> None:
    lines: list[str] = []
    first = make_output(Pictures, "first")
    report = transfer(
        SMALL, Context(tmp_path / "scratch", show=lines.append), examples=collection, pictures=first
    )
    assert (report["pictures"], report["errors"]) == (6, 0)
    assert lines[-1] == "picture 6/6"
    rows = _table(first.path / "pictures.csv")
    assert {(row["photo"], row["painting"]) for row in rows} == {
        (photo, style) for photo in ("left", "right", "upper") for style in ("broad", "fine")
    }
    for row in rows:
        assert max(read_image(first.path / row["picture"]).shape) == 48
        assert float(row["total"]) == pytest.approx(
            sum(float(row[name]) for name in ("content", "style", "total_variation", "color_variation")),
            rel=1e-6,
        )
    record = read_settings(first.path / "pictures/fine/left.png")
    assert (record["content"], record["styles"], record["settings"]["num_steps"]) == ("left", ["fine"], 3)
    assert report["total"] == pytest.approx(np.mean([float(row["total"]) for row in rows]))
    assert read_image(first.path / "contact_sheet.jpg").shape[1] > 3 * 48
    second = make_output(Pictures, "second")
    transfer(SMALL, Context(tmp_path / "elsewhere"), examples=collection, pictures=second)
    assert contents(first) == contents(second)
    assert not any(str(tmp_path).encode() in data for data in contents(first).values())


def test_in_a_cycle_each_photo_gets_one_of_the_chosen_styles(
    collection: Examples, make_output: Callable[..., Any], tmp_path: Path
) -> None:
    output = make_output(Pictures, "output")
    config = StyleTransferConfig(**{**vars(SMALL), "pairs": "cycle"})
    transfer(config, Context(tmp_path / "scratch"), examples=collection, pictures=output)
    pairs = [(row["photo"], row["painting"]) for row in _table(output.path / "pictures.csv")]
    assert len(pairs) == 3 and [style for _, style in pairs] == ["broad", "fine", "broad"]
    wrong = StyleTransferConfig(**{**vars(SMALL), "styles": "fine,ink"})
    with pytest.raises(InputError, match=r"styles must be .*broad.*fine.*Received: .*ink"):
        transfer(wrong, Context(tmp_path / "wrong"), examples=collection, pictures=output)


def test_a_stopped_run_paints_only_what_is_missing(
    collection: Examples, make_output: Callable[..., Any], contents: Callable, tmp_path: Path
) -> None:
    through, stopped = make_output(Pictures, "through"), make_output(Pictures, "stopped")
    transfer(SMALL, Context(tmp_path / "other"), examples=collection, pictures=through)
    scratch = tmp_path / "scratch"
    with pytest.raises(Stopped):
        transfer(SMALL, Context(scratch, should_stop=lambda: True), examples=collection, pictures=stopped)
    assert not list(stopped.path.iterdir())
    done = list(scratch.rglob("*.png"))
    assert len(done) == 1
    times = {path: path.stat().st_mtime_ns for path in done}
    transfer(SMALL, Context(scratch), examples=collection, pictures=stopped)
    assert {path: path.stat().st_mtime_ns for path in done} == times
    assert contents(stopped) == contents(through)


def test_a_picture_goes_on_from_its_checkpoint(
    collection: Examples, make_output: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = StyleTransferConfig(
        **{**vars(SMALL), "optimizer": "adam", "num_steps": 4, "checkpoint_every": 2}
        | {"pairs": "cycle", "styles": "fine"}
    )
    apply, steps = keras.optimizers.Adam.apply, []

    def counted(optimizer: keras.optimizers.Adam, *arguments: object) -> None:
        if len(steps) == killed_at:
            raise KeyboardInterrupt
        steps.append(None)
        apply(optimizer, *arguments)

    monkeypatch.setattr(keras.optimizers.Adam, "apply", counted)
    killed_at = -1
    through, killed = make_output(Pictures, "through"), make_output(Pictures, "killed")
    transfer(config, Context(tmp_path / "other"), examples=collection, pictures=through)
    assert len(steps) == 3 * 4
    steps.clear()
    killed_at = 4 + 3  # three of four steps into the second picture, one after its checkpoint
    with pytest.raises(KeyboardInterrupt):
        transfer(config, Context(tmp_path / "scratch"), examples=collection, pictures=killed)
    assert len(list((tmp_path / "scratch").rglob("*.checkpoint.npz"))) == 1
    steps.clear()
    killed_at = -1
    transfer(config, Context(tmp_path / "scratch"), examples=collection, pictures=killed)
    assert len(steps) == 2 + 4, "the first picture was done, and half of the second"
    assert not list((tmp_path / "scratch").rglob("*.checkpoint.npz"))
    assert _table(through.path / "pictures.csv") == _table(killed.path / "pictures.csv")


def test_pictures_that_cannot_be_painted_are_listed(
    write_collection: Callable[..., Examples],
    photos: dict[str, bytes],
    paintings: dict[str, bytes],
    make_output: Callable[..., Any],
    tmp_path: Path,
) -> None:
    bad = {"cut": photos["left"][:500], "thin": encode_image(np.zeros((4, 90, 3)), ".png")}
    fine = {"fine": paintings["fine"]}
    examples = write_collection({"photos": {"left": photos["left"], **bad}, "paintings": fine})
    output = make_output(Pictures, "output")
    report = transfer(SMALL, Context(tmp_path / "scratch"), examples=examples, pictures=output)
    assert (report["pictures"], report["errors"]) == (1, 2)
    reasons = {row["photo"]: row["reason"] for row in _table(output.path / "errors.csv")}
    assert reasons["cut"].startswith("cut: is damaged or cut short")
    assert "the content image is 90x4 pixels" in reasons["thin"]
    hopeless = write_collection({"photos": {"cut": bad["cut"]}, "paintings": fine}, "hopeless")
    with pytest.raises(InputError, match="no picture could be painted: cut: is damaged"):
        transfer(SMALL, Context(tmp_path / "none"), examples=hopeless, pictures=output)
    empty = write_collection({"photos": {}, "paintings": fine}, "empty")
    with pytest.raises(InputError, match="must hold a picture in the split photos"):
        transfer(SMALL, Context(tmp_path / "none"), examples=empty, pictures=output)


def test_files_outside_the_pipeline_are_part_of_the_stage() -> None:
    config = StyleTransferConfig(init="start.png", vgg="weights.mat")
    assert StyleTransfer.reads(config) == [Path("start.png"), Path("weights.mat")]
    assert StyleTransfer.reads(SMALL) == []
