"""The exported optimiser paints: its pictures lose less than the photo did."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from nst_keras.losses.settings import CONTENT, STYLE
from nst_keras.transfer.objective import Objective
from nst_keras.transfer.served import export_style_transfer
from nst_keras.transfer.settings import StyleTransferSettings


@pytest.fixture(scope="module")
def objective(real_weights: Any) -> Objective:
    settings = StyleTransferSettings(
        style_layers={"relu1_1": 1.0, "relu2_1": 1.0}, content_layers={"relu2_2": 1.0}
    )
    return Objective(real_weights, settings, convolution="direct")


@pytest.fixture(scope="module")
def module(objective: Objective, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("export") / "optimizer"
    export_style_transfer(
        objective, folder, card={}, steps=(2, 6), learning_rate=10.0, margin=8, max_pixels=10_000
    )
    assert (Path(folder) / "saved_model.pb").exists()
    return tf.saved_model.load(str(folder))


def test_descends(module: Any, objective: Objective, photo: np.ndarray) -> None:
    content = photo[:48, :64]
    style = np.random.default_rng(0).uniform(0, 255, [40, 64, 3]).astype(np.float32)
    inputs = {"image": tf.constant(content[None]), "style_image": tf.constant(style[None])}
    painted = module.signatures["serving_default"](**inputs)["image"].numpy()
    assert painted.shape == (1, 48, 64, 3)
    assert painted.min() >= 0 and painted.max() <= 255
    targets = objective.targets(CONTENT, content[None]) | objective.targets(STYLE, style[None])
    before, after = (
        float(objective.evaluate(tf.constant(image), targets)[0]) for image in (content[None], painted)
    )
    assert after < before / 2


def test_files(module: Any, photo: np.ndarray) -> None:
    buffer = io.BytesIO()
    Image.fromarray(photo[:40, :50].astype(np.uint8)).save(buffer, "PNG")
    serve = module.signatures["serve_image_bytes"]
    files = tf.constant([buffer.getvalue()])
    painted = serve(image_bytes=files, style_image_bytes=files)["image_bytes"].numpy()
    assert Image.open(io.BytesIO(painted[0])).size == (50, 40)
    with pytest.raises(tf.errors.InvalidArgumentError, match="picture 0 must be a whole PNG or JPEG"):
        serve(image_bytes=tf.constant([b"what"]), style_image_bytes=files)
