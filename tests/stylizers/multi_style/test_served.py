"""An exported stylizer: equal to the network, checked inputs, nothing of ours needed."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from nst_keras.models.multi_style import multi_style
from nst_keras.stylizers.multi_style.file import MultiStyleStylizer, read_stylizer, write_stylizer
from nst_keras.stylizers.multi_style.served import serve
from nst_keras.stylizers.served import export_stylizer
from pipelines.judging.servable_check import SessionModel

STYLES = ("a", "b", "c")


@pytest.fixture(scope="module")
def file_of_it(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("file") / "small.npz"
    write_stylizer(path, MultiStyleStylizer(multi_style(3, width=0.125), STYLES, 0.125, {"origin": "a test"}))
    return path


@pytest.fixture(scope="module")
def network(file_of_it: Path) -> keras.Model:
    return read_stylizer(file_of_it).model


@pytest.fixture(scope="module")
def folder(file_of_it: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("export") / "stylizer"
    export_stylizer(serve(str(file_of_it), print), target, image_format="png", max_pixels=10_000)
    return target


@pytest.fixture(scope="module")
def signatures(folder: Path) -> Any:
    module = tf.saved_model.load(str(folder))
    return module, module.signatures  # the module has to live


@pytest.fixture
def call(signatures: Any) -> Callable[..., dict[str, np.ndarray]]:
    def run(name: str, **inputs: Any) -> dict[str, np.ndarray]:
        outputs = signatures[1][name](**{key: tf.constant(value) for key, value in inputs.items()})
        return {key: value.numpy() for key, value in outputs.items()}

    return run


def test_it_answers_in_the_loader_of_tensorflow_serving(folder: Path, call: Callable) -> None:
    """Which finds variables by their names, not as objects."""
    inputs = {
        "image": pixels(1, 20, 30),
        "style_weights": np.eye(3, dtype=np.float32)[:1],
        "strength": np.ones(1, np.float32),
    }
    answers = SessionModel(str(folder)).run("serving_default", inputs)
    expected = call("serving_default", **inputs)
    for name, answer in answers.items():
        np.testing.assert_allclose(answer, expected[name], atol=1e-2)


def pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, [*shape, 3]).astype(np.float32)


def file(image: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image.astype(np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def given(count: int, **changes: Any) -> dict[str, Any]:
    inputs = {
        "style_weights": np.eye(3, dtype=np.float32)[[1] * count],
        "strength": np.ones(count, np.float32),
    }
    return {**inputs, **changes}


def for_files(files: list[bytes], **changes: Any) -> dict[str, Any]:
    return given(len(files), image_bytes=files, longest_side=np.zeros(len(files), np.int32)) | changes


def test_equals_the_network(call: Callable, network: keras.Model) -> None:
    images, weights = pixels(2, 40, 50), np.array([[2, 0, 0], [1, 1, 2]], np.float32)
    found = call("serving_default", image=images, style_weights=weights, strength=np.float32([1, 1]))["image"]
    normalized = weights / weights.sum(axis=1, keepdims=True)
    wanted = network({"image": images, "style_weights": normalized}).numpy()
    np.testing.assert_allclose(found, wanted, atol=0.1)


def test_no_strength_gives_the_photo(call: Callable) -> None:
    images = pixels(1, 33, 47)
    found = call("serving_default", **given(1, image=images, strength=np.float32([0])))["image"]
    np.testing.assert_allclose(found, images, atol=1e-3)


def test_files_of_unequal_size_equal_single_calls(call: Callable) -> None:
    files = [file(pixels(40, 50)), file(pixels(33, 61), "JPEG"), file(pixels(20, 20)[..., 0])]
    together = call("serve_image_bytes", **for_files(files))["image_bytes"]
    for data, painted in zip(files, together, strict=True):
        assert call("serve_image_bytes", **for_files([data]))["image_bytes"][0] == painted
    assert [Image.open(io.BytesIO(data)).size for data in together] == [(50, 40), (61, 33), (20, 20)]


def test_longest_side_shrinks_only(call: Callable) -> None:
    files = [file(pixels(40, 80))] * 2
    found = call("serve_image_bytes", **for_files(files, longest_side=np.int32([40, 400])))["image_bytes"]
    assert [Image.open(io.BytesIO(data)).size for data in found] == [(40, 20), (80, 40)]


def test_a_long_picture_with_few_pixels_is_taken(call: Callable) -> None:
    found = call("serve_image_bytes", **for_files([file(pixels(16, 600))]))["image_bytes"][0]
    assert Image.open(io.BytesIO(found)).size == (600, 16)


def test_describe(call: Callable) -> None:
    card = json.loads(call("describe", request=[b""])["description"][0])
    assert card["styles"] == list(STYLES)
    assert card["origin"] == "a test"


HEADER = file(pixels(16, 16))


def claiming(width: int, height: int) -> bytes:
    """A small file whose header claims a size."""
    return HEADER[:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + HEADER[24:]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (for_files([HEADER, b"GIF89a"]), "picture 1 must be a whole PNG or JPEG file"),
        (for_files([b""]), "picture 0 must be a whole PNG or JPEG file"),
        (
            for_files([claiming(30_000, 30_000)]),
            "picture 0 must have at most 10000 pixels. Received: 30000x30000",
        ),
        # The product of the sides: 0 in 32 bits, and too many though each side is short enough.
        (for_files([claiming(65_536, 65_536)]), "at most 10000 pixels. Received: 65536x65536"),
        (for_files([file(pixels(100, 101))]), "at most 10000 pixels. Received: 101x100"),
        (for_files([file(pixels(8, 40))]), "picture 0 must be at least 16 pixels wide and high"),
        (for_files([HEADER[:60]]), "PNG"),
        (for_files([HEADER], style_weights=np.ones([1, 2], np.float32)), "3 numbers for each picture"),
        (for_files([HEADER], style_weights=np.zeros([1, 3], np.float32)), "not all 0, for picture 0"),
        (for_files([HEADER] * 2, strength=np.float32([1, 2])), "strength must lie in 0..1, for picture 1"),
        (for_files([HEADER] * 2, strength=np.float32([1])), "strength must have one number for each"),
        (for_files([HEADER], longest_side=np.int32([-1])), "longest_side must be at least 0"),
    ],
)
def test_bad_files(call: Callable, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        call("serve_image_bytes", **inputs)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (pixels(1, 200, 200), "at most 10000 pixels in all. Received: height x width = 200x200"),
        (pixels(1, 8, 40), "sides of at least 16"),
        (np.full([1, 20, 20, 3], np.nan, np.float32), "image must hold finite numbers"),
    ],
)
def test_bad_pixels(call: Callable, image: np.ndarray, message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        call("serving_default", **given(1, image=image))
    assert message in caught.value.message


@pytest.mark.large
def test_needs_nothing_of_ours(folder: Path) -> None:
    program = (
        "import sys; sys.modules['nst_keras'] = None; sys.modules['keras'] = None\n"
        "import tensorflow as tf\n"
        f"signature = tf.saved_model.load({str(folder)!r}).signatures['serving_default']\n"
        "image = tf.fill([1, 20, 24, 3], 100.0)\n"
        "weights, strength = tf.constant([[1.0, 0.0, 0.0]]), tf.constant([1.0])\n"
        "out = signature(image=image, style_weights=weights, strength=strength)\n"
        "print(out['image'].shape)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "(1, 20, 24, 3)\n", done.stderr
