"""Exporter: SavedModels that answer as the model does."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.models.arbitrary_style import build_decoder
from nst_keras.models.multi_style import multi_style
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.serving.server.compute.loaded_model import LoadedModel
from nst_keras.stylizers.arbitrary.file import ArbitraryStylizer, write_arbitrary_stylizer
from nst_keras.stylizers.multi_style.file import MultiStyleStylizer, write_stylizer
from pipelines.engine.stage import Context
from pipelines.examples.files import read_dataset, read_shard, shard_paths
from pipelines.judging.stylizers import stylizer_in
from pipelines.judging.verdicts import Pushed, write_pushed
from pipelines.kinds import Examples, InferenceResult, InfraBlessing, Model, PushedModel, ServableModel
from pipelines.stages.bulk_inferrer import BulkInferrerConfig, infer
from pipelines.stages.exporter import (
    ExporterConfig,
    Importer,
    ImporterConfig,
    export_model,
    import_model,
)
from pipelines.stages.infra_validator import InfraValidatorConfig, validate_infra
from pipelines.stages.trainer import TrainerConfig, train


def test_a_classifier(
    digits: Examples, classifier: Model, new: Callable[..., ServableModel], tmp_path: Path
) -> None:
    servable, scratch = new(ServableModel), tmp_path / "scratch"
    (scratch / "saved_model").mkdir(parents=True)
    (scratch / "saved_model" / "half.pb").write_bytes(b"what a killed run left")
    found = export_model(ExporterConfig(), Context(scratch), model=classifier, servable=servable)
    assert found["kind"] == "classifier"
    assert not (servable.path / "half.pb").exists()
    served = LoadedModel(servable.path)  # which also warms it up
    examples = list(read_shard(shard_paths(digits, "test")[0]))
    encoded = np.array([example.encoded for example in examples], object)
    answers = served.run("serve_image_bytes", {"image_bytes": encoded})
    right = np.mean([int(name) == e.label for name, e in zip(answers["class_name"], examples, strict=True)])
    assert right > 0.85


@pytest.mark.large
def test_a_perceptron(digits: Examples, new: Callable, tmp_path: Path) -> None:
    """Which is a model of another kind inside."""
    model, servable = new(Model), new(ServableModel)
    config = TrainerConfig.of("perceptron", epochs=2)
    train(config, Context(tmp_path / "training"), examples=digits, schema=None, model=model)
    export_model(ExporterConfig(), Context(tmp_path / "export"), model=model, servable=servable)
    images, labels = read_dataset(digits).splits["test"].arrays()
    answer = tf.saved_model.load(str(servable.path)).signatures["serving_default"]
    names = answer(image=tf.constant(images, tf.float32))["class_name"].numpy()
    assert np.mean(names.astype(int) == labels) > 0.8


@pytest.mark.large  # which nst-export's own tests do, too
def test_a_stylizer(new: Callable, tmp_path: Path) -> None:
    model, servable = new(Model), new(ServableModel)
    stylizer = MultiStyleStylizer(multi_style(2, width=0.125), ("wave", "night"), 0.125)
    write_stylizer(model.path / "stylizer.npz", stylizer)
    config = ExporterConfig(image_format="jpeg", max_pixels=64 * 64)
    found = export_model(config, Context(tmp_path / "scratch"), model=model, servable=servable)
    assert found["kind"] == "stylizer"
    inputs = {
        "image_bytes": np.array([tf.io.encode_png(np.zeros((48, 48, 3), np.uint8)).numpy()], object),
        "style_weights": np.ones([1, 2], np.float32),
        "strength": np.ones(1, np.float32),
        "longest_side": np.zeros(1, np.int32),
    }
    (picture,) = LoadedModel(servable.path).run("serve_image_bytes", inputs)["image_bytes"]
    assert picture.startswith(b"\xff\xd8"), "a JPEG file"


@pytest.mark.large
def test_a_stylizer_of_any_painting(new: Callable, real_weights: VGG19Weights, tmp_path: Path) -> None:
    model, servable = new(Model), new(ServableModel)
    stylizer = ArbitraryStylizer(build_decoder(width=0.125), 0.125, 64, real_weights.digest)
    write_arbitrary_stylizer(model.path / "stylizer.npz", stylizer)
    found = export_model(ExporterConfig(), Context(tmp_path / "scratch"), model=model, servable=servable)
    assert found["kind"] == "stylizer"
    pixels = np.zeros([1, 48, 40, 3], np.float32)
    inputs = {"image": pixels, "style_image": pixels + 255, "strength": np.ones(1, np.float32)}
    assert LoadedModel(servable.path).run("serving_default", inputs)["image"].shape == pixels.shape


def test_a_stylizer_from_outside(new: Callable, tmp_path: Path) -> None:
    model, file = new(Model), tmp_path / "mine.npz"
    write_stylizer(file, MultiStyleStylizer(multi_style(2, width=0.125), ("wave", "night"), 0.125))
    config = ImporterConfig(str(file))
    found = import_model(config, Context(tmp_path / "scratch"), model=model)
    assert found == {"architecture": "multi_style", "styles": 2} and Importer.reads(config) == [file]
    assert Path(stylizer_in(model.path)).read_bytes() == file.read_bytes()
    with pytest.raises(InputError, match="stylizer must be a file, or one of magenta, magenta26"):
        ImporterConfig()
    with pytest.raises(InputError, match=r"magneta: does not exist. Did you mean magenta"):
        import_model(ImporterConfig("magneta"), Context(tmp_path / "scratch"), model=model)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"stylizer\.json: is damaged"),
        (
            '{"stylizer": "magenta", "digest": "0"}',
            r"stylizer\.json: names other weights than this version's",
        ),
    ],
)
def test_a_damaged_name_of_a_stylizer_is_told(new: Callable, text: str, message: str) -> None:
    model = new(Model)
    (model.path / "stylizer.json").write_text(text)
    with pytest.raises(InputError, match=message):
        stylizer_in(model.path)


@pytest.mark.large
@pytest.mark.parametrize(("name", "style"), [("magenta", ""), ("magenta26", "style3")])
def test_a_fetched_stylizer_goes_all_the_way(
    new: Callable, magenta_weights: None, collection: Examples, tmp_path: Path, name: str, style: str
) -> None:
    model, servable, blessing = new(Model), new(ServableModel), new(InfraBlessing)
    painting = tmp_path / "painting.png"
    painting.write_bytes(next(read_shard(shard_paths(collection, "paintings")[0])).encoded)
    context = Context(tmp_path / "scratch")
    import_model(ImporterConfig(name), context, model=model)
    export_model(ExporterConfig(max_pixels=100_000), context, model=model, servable=servable)
    config = InfraValidatorConfig(split="photos", num_pictures=1, timeout=600)
    found = validate_infra(
        config, context, servable=servable, examples=collection, model=model, blessing=blessing
    )
    assert found["blessed"], found
    pushed, result = new(PushedModel), new(InferenceResult)
    write_pushed(pushed, Pushed(name, 1, str(servable.path), "digest"))
    asked = BulkInferrerConfig(splits="photos", style=style, style_image="" if style else str(painting))
    found = infer(asked, context, examples=collection, model=pushed, inference_result=result)
    assert (found["pictures"], found["errors"]) == (3, 0)


def test_an_empty_model_is_named(new: Callable, tmp_path: Path) -> None:
    model = new(Model)
    with pytest.raises(InputError, match=rf"{model.path}: must hold model\.keras or stylizer\.npz"):
        export_model(
            ExporterConfig(), Context(tmp_path / "scratch"), model=model, servable=new(ServableModel)
        )
