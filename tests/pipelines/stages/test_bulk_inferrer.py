"""BulkInferrer: every picture exactly once, the same bytes again, refused pictures listed."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from nst_keras.classifiers.served import export_classifier
from nst_keras.errors import InputError
from nst_keras.export.job import export
from nst_keras.export.plan import ExportPlan
from nst_keras.models.multi_style import multi_style
from nst_keras.pictures.images import decode_image, encode_image
from nst_keras.stylizers.multi_style.file import MultiStyleStylizer, write_stylizer
from pipelines.engine.stage import Context, Stopped
from pipelines.examples.files import read_info, read_pictures, read_shard
from pipelines.judging.verdicts import Pushed, write_pushed
from pipelines.kinds import Examples, InferenceResult, PushedModel
from pipelines.stages.bulk_inferrer import BulkInferrer, BulkInferrerConfig, infer


def _pushed(folder: Path, model: Path) -> PushedModel:
    folder.mkdir()
    write_pushed(PushedModel(folder), Pushed("tiny", 1, str(model), "none"))
    return PushedModel(folder)


@pytest.fixture(scope="module")
def stylizer(tmp_path_factory: pytest.TempPathFactory) -> PushedModel:
    """A pushed stylizer of two styles with random weights; the second leaves less of the photo."""
    folder = tmp_path_factory.mktemp("stylizer")
    keras.utils.set_random_seed(0)
    model = multi_style(2, width=0.125)
    gain = next(variable for variable in model.weights if "photo_gain" in variable.path)
    gain.assign(np.asarray(gain) * np.float32([[1.0], [0.5]]))
    write_stylizer(folder / "tiny.npz", MultiStyleStylizer(model, ("broad", "fine"), 0.125))
    export(ExportPlan(stylizer=str(folder / "tiny.npz"), output_dir=str(folder / "tiny" / "1")))
    return _pushed(folder / "pushed", folder / "tiny" / "1")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> PushedModel:
    """A pushed classifier that tells bright pictures from dark ones."""
    folder = tmp_path_factory.mktemp("classifier")
    inputs = keras.Input((8, 8, 3))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    logits = keras.layers.Dense(2, use_bias=True)(mean)
    model = keras.Model(inputs, logits)
    model.set_weights([np.float32([[0.01, -0.01]] * 3), np.float32([-3.8, 3.8])])
    export_classifier(model, folder / "tiny" / "1", class_names=("bright", "dark"), image_size=(8, 8))
    return _pushed(folder / "pushed", folder / "tiny" / "1")


STYLED = BulkInferrerConfig(style="fine")


def test_a_stylizer_paints_every_picture_once(
    collection: Examples,
    stylizer: PushedModel,
    make_output: Callable[..., Any],
    contents: Callable,
    tmp_path: Path,
) -> None:
    lines: list[str] = []
    first, second = make_output(InferenceResult, "first"), make_output(InferenceResult, "second")
    config = replace(STYLED, write_files=True)
    context = Context(tmp_path / "scratch", show=lines.append)
    report = infer(config, context, examples=collection, model=stylizer, inference_result=first)
    assert report == {"pictures": 5, "errors": 0, "shards": 4}
    assert lines[-1] == "shard 4/4  5 pictures  0 errors"
    result = Examples(first.path)
    assert read_info(result).splits == {"photos": (2, 1), "paintings": (1, 1)}
    for split in ("photos", "paintings"):
        given, painted = dict(read_pictures(collection, split)), dict(read_pictures(result, split))
        assert list(given) == list(painted)
        for name, picture in painted.items():
            assert picture.shape == given[name].shape and np.any(picture != given[name])
            file = (first.path / "pictures" / f"{name}.png").read_bytes()
            np.testing.assert_array_equal(decode_image(file, name), picture)
    again = Context(tmp_path / "elsewhere")
    infer(config, again, examples=collection, model=stylizer, inference_result=second)
    assert contents(first) == contents(second)
    assert contents(first)["errors.csv"] == b"name,reason\n"


def test_settings_reach_the_model(
    collection: Examples, stylizer: PushedModel, make_output: Callable[..., Any], tmp_path: Path
) -> None:
    def paint(name: str, config: BulkInferrerConfig) -> np.ndarray:
        output = make_output(InferenceResult, name)
        infer(
            config,
            Context(tmp_path / f"s-{name}"),
            examples=collection,
            model=stylizer,
            inference_result=output,
        )
        return dict(read_pictures(Examples(output.path), "photos"))["left"]

    own = dict(read_pictures(collection, "photos"))["left"]
    photos = replace(STYLED, splits="photos")
    np.testing.assert_array_equal(paint("unpainted", replace(photos, strength=0.0)), own)
    assert np.any(paint("fine", photos) != paint("broad", replace(photos, style="broad")))
    assert paint("small", replace(photos, longest_side=36)).shape == (36, 32, 3)
    with pytest.raises(InputError, match=r"style must be of broad, fine. Received: style=ink"):
        paint("unknown", replace(photos, style="ink"))


def test_a_stopped_run_goes_on_with_the_shards_that_are_missing(
    collection: Examples,
    stylizer: PushedModel,
    make_output: Callable[..., Any],
    contents: Callable,
    tmp_path: Path,
) -> None:
    through, stopped = make_output(InferenceResult, "through"), make_output(InferenceResult, "stopped")
    infer(STYLED, Context(tmp_path / "other"), examples=collection, model=stylizer, inference_result=through)
    halting = Context(tmp_path / "scratch", should_stop=lambda: True)
    with pytest.raises(Stopped):
        infer(STYLED, halting, examples=collection, model=stylizer, inference_result=stopped)
    assert not list(stopped.path.iterdir())
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / "scratch").iterdir()}
    shards = [path.name for path in finished if path.suffix == ".tfrecord"]
    assert shards == ["photos-00000-of-00002.tfrecord"]
    # What a worker leaves that is killed as it writes, and one that is killed before it says that it is done.
    (tmp_path / "scratch" / ".nst_keras-0.tmp").write_bytes(b"half")
    (tmp_path / "scratch" / "photos-00001-of-00002.tfrecord").write_bytes(b"other")
    resumed = Context(tmp_path / "scratch")
    infer(STYLED, resumed, examples=collection, model=stylizer, inference_result=stopped)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert contents(stopped) == contents(through)


def test_pictures_that_the_model_refuses_are_listed(
    write_collection: Callable[..., Examples],
    photos: dict[str, bytes],
    stylizer: PushedModel,
    make_output: Callable[..., Any],
    tmp_path: Path,
) -> None:
    bad = {"cut": photos["left"][:500], "gif": _gif(), "thin": encode_image(np.zeros((4, 90, 3)), ".png")}
    examples = write_collection({"photos": {**photos, **bad}})
    output = make_output(InferenceResult, "output")
    context = Context(tmp_path / "scratch")
    report = infer(STYLED, context, examples=examples, model=stylizer, inference_result=output)
    assert (report["pictures"], report["errors"]) == (3, 3)
    names = [one.name for shard in sorted(output.path.glob("*.tfrecord")) for one in read_shard(shard)]
    assert sorted(names) == sorted(photos)
    rows = list(csv.DictReader((output.path / "errors.csv").read_text().splitlines()))
    reasons = {row["name"]: row["reason"] for row in rows}
    assert reasons.keys() == bad.keys()
    assert "must be a whole PNG or JPEG file" in reasons["gif"]
    assert "at least 16 pixels wide and high. Received: 90x4" in reasons["thin"]
    few = replace(STYLED, max_errors=1)
    with pytest.raises(InputError, match=r"at most 1 pictures.* at least, the first"):
        infer(few, Context(tmp_path / "few"), examples=examples, model=stylizer, inference_result=output)
    hopeless = write_collection({"photos": bad}, "hopeless")
    with pytest.raises(InputError, match=r"not all. Received: 3 at least"):
        infer(STYLED, Context(tmp_path / "none"), examples=hopeless, model=stylizer, inference_result=output)


def _gif() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(buffer, "GIF")
    return buffer.getvalue()


def test_a_classifier_names_every_picture(
    write_collection: Callable[..., Examples],
    classifier: PushedModel,
    make_output: Callable[..., Any],
    tmp_path: Path,
) -> None:
    levels = {"black": 0, "gray": 80, "white": 255}
    pictures = {name: encode_image(np.full((9, 12, 3), level), ".png") for name, level in levels.items()}
    examples = write_collection({"test": {**pictures, "cut": pictures["gray"][:60]}})
    output = make_output(InferenceResult, "output")
    context = Context(tmp_path / "scratch")
    report = infer(
        BulkInferrerConfig(), context, examples=examples, model=classifier, inference_result=output
    )
    assert (report["pictures"], report["errors"]) == (3, 1)
    rows = [
        row
        for path in sorted(output.path.glob("test-*.csv"))
        for row in csv.DictReader(path.read_text().splitlines())
    ]
    assert {row["name"]: row["class_name"] for row in rows} == {
        "black": "dark",
        "gray": "dark",
        "white": "bright",
    }
    for row in rows:
        logit = abs(0.06 * levels[row["name"]] - 7.6)
        assert float(row["probability"]) == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-4)


def test_a_model_that_is_gone_is_named(
    collection: Examples, make_output: Callable[..., Any], tmp_path: Path
) -> None:
    gone = _pushed(tmp_path / "pushed", tmp_path / "models" / "gone" / "1")
    output = make_output(InferenceResult, "output")
    with pytest.raises(InputError, match=r"models/gone/1.*does not exist"):
        infer(STYLED, Context(tmp_path / "scratch"), examples=collection, model=gone, inference_result=output)
    assert BulkInferrer.reads(replace(STYLED, style_image="style.png")) == [Path("style.png")]
