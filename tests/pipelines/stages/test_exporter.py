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
from pipelines.kinds import Examples, Model, ServableModel
from pipelines.stages.exporter import ExporterConfig, export_model
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


def test_an_empty_model_is_named(new: Callable, tmp_path: Path) -> None:
    model = new(Model)
    with pytest.raises(InputError, match=rf"{model.path}: must hold model\.keras or stylizer\.npz"):
        export_model(
            ExporterConfig(), Context(tmp_path / "scratch"), model=model, servable=new(ServableModel)
        )
