"""The exported classifier, loaded without our code: class names, probabilities, encoded pictures."""

import io
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy.special import softmax

from nst_keras.classifiers.served import export_classifier

NAMES = ("cat", "perro", "vögel")
RNG = np.random.default_rng(0)

# A process that blocks our package, as a server has none of it.
_CLIENT = """
import sys
sys.modules["nst_keras"] = None
import tensorflow as tf
found = tf.saved_model.load(sys.argv[1]).signatures["serving_default"](image=tf.zeros([2, 30, 20, 3]))
print(found["class_name"].numpy().tolist())
"""


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(x))
    return keras.Model(inputs, keras.layers.Dense(3)(x))


@pytest.fixture(scope="module")
def folder(model: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("export") / "saved_model"
    export_classifier(model, target, class_names=NAMES, image_size=(12, 16), temperature=0.5)
    return target


@pytest.mark.large  # TensorFlow starts once more
def test_needs_nothing_of_ours(model: keras.Model, folder: Path) -> None:
    command = [sys.executable, "-c", _CLIENT, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    name = NAMES[int(np.argmax(model(np.zeros([1, 30, 20, 3]))))]
    assert done.stdout == f"{[name.encode()] * 2}\n", done.stderr


def test_pixels_and_encoded_pictures_of_unequal_sizes(model: keras.Model, folder: Path) -> None:
    module = tf.saved_model.load(str(folder))
    pixels = RNG.uniform(0, 255, (4, 30, 20, 3)).astype(np.float32)
    files, images = [], []
    for number, (size, kind) in enumerate([((16, 12), "PNG"), ((40, 30), "PNG"), ((9, 21), "JPEG")]):
        picture = Image.fromarray(RNG.integers(0, 256, (size[1], size[0], 3), np.uint8))
        if number == 1:
            picture = picture.convert("L")
        buffer = io.BytesIO()
        picture.save(buffer, kind)
        files.append(buffer.getvalue())
        images.append(np.asarray(picture.convert("RGB")))

    found = module.signatures["serving_default"](image=tf.constant(pixels))
    wanted = softmax(model(pixels).numpy() / 0.5, axis=1)
    np.testing.assert_allclose(found["probabilities"], wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["probability"], wanted.max(axis=1), rtol=1e-4)
    names = [name.decode() for name in found["class_name"].numpy()]
    assert names == [NAMES[number] for number in wanted.argmax(axis=1)]

    probabilities = module.signatures["serve_image_bytes"](image_bytes=tf.constant(files))["probabilities"]
    assert probabilities.shape == (3, 3)
    # The first needs no resizing, so it must be answered like its pixels.
    wanted = softmax(model(images[0][None].astype(np.float32)).numpy() / 0.5, axis=1)
    np.testing.assert_allclose(probabilities[:1], wanted, rtol=1e-4, atol=1e-6)


def test_files_are_checked_and_turned_before_they_are_named(folder: Path) -> None:
    module = tf.saved_model.load(str(folder))
    ask = module.signatures["serve_image_bytes"]
    picture = Image.fromarray(RNG.integers(0, 256, (32, 48, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    upright, lying = io.BytesIO(), io.BytesIO()
    picture.save(lying, "JPEG", quality=100, subsampling=0, exif=exif)
    picture.transpose(Image.Transpose.ROTATE_270).save(upright, "JPEG", quality=100, subsampling=0)
    found = ask(image_bytes=tf.constant([upright.getvalue(), lying.getvalue()]))["probabilities"].numpy()
    np.testing.assert_allclose(found[0], found[1], atol=1e-2)

    picture = Image.new("1", (5_000, 5_000))
    bomb = io.BytesIO()
    picture.save(bomb, "PNG")
    with pytest.raises(tf.errors.InvalidArgumentError, match="picture 1 must have at most 16777216 pixels"):
        ask(image_bytes=tf.constant([upright.getvalue(), bomb.getvalue()]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"at most 1024 pictures\. Received: 1025"):
        ask(image_bytes=tf.constant([b""] * 1025))
