"""A stylizer's SavedModel gives the pictures that its painter gives."""

import io
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from nst_keras.models.multi_style import multi_style
from nst_keras.stylizers.archive import STYLIZER_FILE
from nst_keras.stylizers.multi_style.file import MultiStyleStylizer, write_stylizer
from nst_keras.stylizers.multi_style.served import serve
from nst_keras.stylizers.served import export_stylizer
from pipelines.judging.trained_answers import trained_answer


@pytest.mark.large
def test_exported_and_trained_stylizer_paint_alike(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    path = tmp_path / STYLIZER_FILE
    write_stylizer(path, MultiStyleStylizer(multi_style(2, width=0.125), ("a", "b"), 0.125, {}))
    export_stylizer(serve(str(path), print), tmp_path / "saved", image_format="png", max_pixels=10_000)
    module = tf.saved_model.load(str(tmp_path / "saved"))
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (8, 10, 3), np.uint8)
    Image.fromarray(noise).resize((80, 64)).save(buffer, "JPEG")
    photo = np.array([buffer.getvalue()], object)

    def paint(signature: str, **inputs: object) -> np.ndarray:
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        answer = module.signatures[signature](image_bytes=tf.constant(photo.tolist()), **tensors)
        return tf.io.decode_png(answer["image_bytes"][0]).numpy().astype(np.float32)

    for weights in ([1.0, 0.0], [0.25, 0.75]):
        style = np.float32([weights])
        wanted = trained_answer(tmp_path, photo[0], "photo", {"style_weights": style})["pixels"][0]
        found = paint(
            "serve_image_bytes", style_weights=style, strength=np.float32([1]), longest_side=np.int32([0])
        )
        assert np.abs(found - wanted).max() <= 1
        if weights[0] == 1:
            np.testing.assert_array_equal(paint("serve_defaults"), found)
