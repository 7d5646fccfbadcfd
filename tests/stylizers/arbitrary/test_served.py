"""An exported stylizer of any painting: equal to Python's, checked inputs."""

import io
import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from nst_keras.models.arbitrary_style import build_decoder
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.stylizers.arbitrary.file import ArbitraryStylizer, write_arbitrary_stylizer
from nst_keras.stylizers.arbitrary.painter import ArbitraryPainter
from nst_keras.stylizers.arbitrary.served import serve
from nst_keras.stylizers.by_name import load_painter
from nst_keras.stylizers.served import export_stylizer
from nst_keras.stylizers.settings import FastSettings

STYLE_SIZE = 64


@pytest.fixture(scope="module")
def decoder() -> keras.Model:
    keras.utils.set_random_seed(0)
    decoder = build_decoder(width=0.125)
    for variable in decoder.weights:
        # Twice as large, so that pictures aren't flat; in 16 bits, as files have them.
        variable.assign(np.asarray(2 * variable).astype(np.float16).astype(np.float32))
    return decoder


@pytest.fixture(scope="module")
def painter(
    decoder: keras.Model, real_weights: VGG19Weights, tmp_path_factory: pytest.TempPathFactory
) -> ArbitraryPainter:
    path = tmp_path_factory.mktemp("painter") / "any.npz"
    card = {"origin": "a test"}
    write_arbitrary_stylizer(path, ArbitraryStylizer(decoder, 0.125, STYLE_SIZE, real_weights.digest, card))
    return load_painter(str(path))


@pytest.fixture(scope="module")
def signatures(painter: ArbitraryPainter, tmp_path_factory: pytest.TempPathFactory) -> Any:
    target = tmp_path_factory.mktemp("export") / "stylizer"
    export_stylizer(serve(painter.spec, print), target, image_format="png", max_pixels=10_000)
    module = tf.saved_model.load(str(target))
    return module, module.signatures  # the module has to live


@pytest.fixture
def call(signatures: Any) -> Callable[..., dict[str, np.ndarray]]:
    def run(name: str, **inputs: Any) -> dict[str, np.ndarray]:
        outputs = signatures[1][name](**{key: tf.constant(value) for key, value in inputs.items()})
        return {key: value.numpy() for key, value in outputs.items()}

    return run


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, [*shape, 3]).astype(np.float32)


def file(image: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image.astype(np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data))).astype(int)


def for_files(photos: list[bytes], paintings: list[bytes], **changes: Any) -> dict[str, Any]:
    count = len(photos)
    inputs = {
        "image_bytes": photos,
        "style_image_bytes": paintings,
        "strength": np.ones(count, np.float32),
        "longest_side": np.zeros(count, np.int32),
    }
    return {**inputs, **changes}


def test_pixels_equal_python_s(call: Callable, painter: ArbitraryPainter) -> None:
    photos, paintings, strength = pixels(2, 43, 50), pixels(2, 60, 33, seed=1), np.float32([1, 0.4])
    found = call("serving_default", image=photos, style_image=paintings, strength=strength)["image"]
    for number, amount in enumerate(strength):
        settings = FastSettings(size=0, strength=float(amount))
        wanted = painter.paint(photos[number], painter.blend([paintings[number]]), settings)
        np.testing.assert_allclose(found[number], wanted, atol=0.6)  # which is rounded
    assert np.abs(found[0] - photos[0]).mean() > 5


def test_one_painting_serves_for_all_photos(call: Callable) -> None:
    photos, painting = pixels(3, 43, 50), pixels(1, 60, 33, seed=1)
    inputs = {"image": photos, "strength": np.float32([1, 0.4, 1])}
    one, each = (
        call("serving_default", **inputs, style_image=paintings)["image"]
        for paintings in (painting, np.repeat(painting, 3, 0))
    )
    np.testing.assert_allclose(one, each, atol=1e-2)
    files = list(map(file, photos))
    one, each = (
        call("serve_image_bytes", **for_files(files, paintings))["image_bytes"]
        for paintings in ([file(painting[0])], [file(painting[0])] * 3)
    )
    assert all(np.abs(decoded(a) - decoded(b)).max() <= 1 for a, b in zip(one, each, strict=True))


def test_files_of_unequal_size_equal_python_s(call: Callable, painter: ArbitraryPainter) -> None:
    sizes = [(40, 50), (33, 61), (20, 20)]
    photos = [pixels(*size, seed=number) for number, size in enumerate(sizes)]
    # One of them is larger than paintings were in training.
    paintings = [pixels(*size, seed=9) for size in ((50, 64), (17, 30), (100, 140))]
    inputs = for_files(list(map(file, photos)), list(map(file, paintings)))
    together = call("serve_image_bytes", **inputs)["image_bytes"]
    for data, photo, painting in zip(together, photos, paintings, strict=True):
        wanted = painter.paint(photo, painter.blend([painting]), FastSettings(size=0))
        assert np.abs(decoded(data) - wanted).max() <= 1


def test_large_photos_are_taken_if_they_are_painted_small(call: Callable) -> None:
    inputs = for_files([file(pixels(120, 160))], [file(pixels(40, 40))])
    found = call("serve_image_bytes", **inputs | {"longest_side": np.int32([80])})["image_bytes"]
    assert decoded(found[0]).shape == (60, 80, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"picture 0 must have at most 10000 .*160x120"):
        call("serve_image_bytes", **inputs)


def test_describe(call: Callable) -> None:
    card = json.loads(call("describe", request=[b""])["description"][0])
    assert (card["origin"], card["style_size"], card["max_pixels"]) == ("a test", STYLE_SIZE, 10_000)


GOOD = file(pixels(16, 16))
BOMB = GOOD[:16] + (30_000).to_bytes(4, "big") * 2 + GOOD[24:]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (for_files([GOOD, b"GIF89a"], [GOOD] * 2), "picture 1 must be a whole PNG or JPEG file"),
        (for_files([GOOD] * 2, [GOOD, b""]), "style picture 1 must be a whole PNG or JPEG file"),
        (for_files([GOOD], [BOMB]), "style picture 0 must have at most 16777216 pixels"),
        (for_files([GOOD], [file(pixels(8, 40))]), "style picture 0 must be at least 16 pixels wide"),
        (for_files([GOOD] * 3, [GOOD] * 2), "one file for each picture, or one for all. Received: 2"),
        (for_files([GOOD], [GOOD], strength=np.float32([2])), "strength must lie in 0..1, for picture 0"),
        (for_files([GOOD], [GOOD], longest_side=np.int32([-1])), "longest_side must be at least 0"),
    ],
)
def test_bad_files(call: Callable, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        call("serve_image_bytes", **inputs)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("image", "style_image", "message"),
    [
        (pixels(1, 200, 200), pixels(1, 20, 20), "image must have sides of at least 16 and at most 10000"),
        (pixels(1, 20, 20), pixels(1, 8, 20), "style_image must have sides of at least 16"),
        (pixels(1, 20, 20), pixels(2, 20, 20), "style_image must have one picture for each picture"),
        (pixels(1, 20, 20), np.nan * pixels(1, 20, 20), "style_image must hold finite numbers"),
    ],
)
def test_bad_pixels(call: Callable, image: np.ndarray, style_image: np.ndarray, message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        call("serving_default", image=image, style_image=style_image, strength=np.float32([1]))
    assert message in caught.value.message
