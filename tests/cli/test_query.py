"""nst-query as a user runs it, against a server of small models."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from nst_keras.cli import query
from nst_keras.pictures.images import read_image
from nst_keras.served.push import push
from nst_keras.serving.server.server import ModelServer
from nst_keras.serving.server.settings import ServerSettings


class Painter(tf.Module):
    """Two styles: the picture's negative, and the picture itself."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="image_bytes"),
            tf.TensorSpec([None, 2], tf.float32, name="style_weights"),
        ]
    )
    def paint(self, image_bytes: tf.Tensor, style_weights: tf.Tensor) -> dict[str, tf.Tensor]:
        def one(row: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            photo = tf.cast(tf.io.decode_image(row[0], channels=3, expand_animations=False), tf.float32)
            negative = row[1][0] * (255 - photo) + row[1][1] * photo
            return tf.io.encode_png(tf.cast(tf.round(negative), tf.uint8))

        return {"image_bytes": tf.map_fn(one, (image_bytes, style_weights), fn_output_signature=tf.string)}

    @tf.function(input_signature=[])
    def describe(self) -> dict[str, tf.Tensor]:
        return {"description": tf.constant('{"styles": ["negative", "same"], "version": 1}')}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="image_bytes"),
            tf.TensorSpec([None], tf.string, name="style_image_bytes"),
        ]
    )
    def copy(self, image_bytes: tf.Tensor, style_image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """The style becomes the picture."""
        return {"image_bytes": tf.identity(style_image_bytes)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def classify(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        share = tf.ones(tf.shape(image_bytes))
        probabilities = tf.stack([share * 0.25, share * 0.75], axis=1)
        names = tf.fill(tf.shape(image_bytes), "vögel")
        return {"class_name": names, "probability": share * 0.75, "probabilities": probabilities}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    root, module = tmp_path_factory.mktemp("query"), Painter()
    for name, signatures in {
        "painter": {"serve_image_bytes": module.paint, "describe": module.describe},
        "copier": {"serve_image_bytes": module.copy},
        "namer": {"serve_image_bytes": module.classify},
    }.items():
        tf.saved_model.save(module, str(root / name), signatures=signatures)
        push(root / name, root / "models", name)
    settings = ServerSettings(serving_dir=str(root / "models"), rest_api_port=0, port=0, isolate=False)
    with ModelServer(settings) as running:
        yield running


@pytest.fixture
def photo(tmp_path: Path) -> np.ndarray:
    """photo.png and a folder with it in several formats, one of them on its side, one broken."""
    pixels = np.random.default_rng(0).integers(0, 256, (9, 14, 3), np.uint8)
    picture = Image.fromarray(pixels)
    picture.save(tmp_path / "photo.png")
    (tmp_path / "photos").mkdir()
    for suffix in (".png", ".bmp", ".webp", ".tiff"):
        picture.save(tmp_path / "photos" / f"a{suffix[1:]}{suffix}", lossless=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(pixels)).save(tmp_path / "photos" / "turned.png", exif=exif)
    return pixels


@pytest.fixture(params=["--rest", "--grpc"])
def ask(
    request: pytest.FixtureRequest, server: ModelServer, photo: np.ndarray, run_main: Callable
) -> Callable:
    address = server.rest_address if request.param == "--rest" else server.grpc_address
    return lambda *flags: run_main(query.main, f"{request.param}={address}", *flags)


def test_a_photo_from_disk_to_disk(ask: Callable, tmp_path: Path, photo: np.ndarray) -> None:
    flags = ["--model=painter", "--content=photo.png"]
    done = ask(*flags, "--style=negative", "--output=painted.png")
    assert (done.returncode, done.stdout) == (0, "painted.png\n"), done.stderr
    np.testing.assert_array_equal(read_image(tmp_path / "painted.png"), 255 - photo)
    assert ask(*flags, "--style=negative:1,same:1", "--output=blend.jpg").returncode == 0
    with Image.open(tmp_path / "blend.jpg") as picture:
        assert picture.format == "JPEG", "the suffix decides, whatever the server sends"
    np.testing.assert_allclose(read_image(tmp_path / "blend.jpg"), 127.5, atol=3)


def test_a_model_that_takes_a_painting(ask: Callable, tmp_path: Path, photo: np.ndarray) -> None:
    Image.fromarray(255 - photo).save(tmp_path / "painting.tiff")
    flags = ["--model=copier", "--content=photo.png", "--output=out.png"]
    for flag in ("--style_image=painting.tiff", "--style=painting.tiff"):
        (tmp_path / "out.png").unlink(missing_ok=True)
        assert ask(*flags, flag).returncode == 0
        np.testing.assert_array_equal(read_image(tmp_path / "out.png"), 255 - photo)
    assert "wave: does not exist" in ask(*flags, "--style=wave").stderr
    assert "style must be left out" in ask(*flags, "--style=a.png", "--style_image=painting.tiff").stderr
    assert "style_image must be a picture: copier takes one" in ask(*flags).stderr


def test_a_folder(ask: Callable, tmp_path: Path, photo: np.ndarray) -> None:
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    flags = ["--model=painter", "--content=photos", "--style=negative", "--output=out", "--json"]
    done = ask(*flags, "--parallel=3")
    assert done.returncode == 1
    assert done.stderr.startswith("photos/broken.png: error: photos/broken.png: is not a picture"), (
        done.stderr
    )
    written = [json.loads(line) for line in done.stdout.splitlines()]
    names = ["abmp", "apng", "atiff", "awebp", "turned"]
    assert [row["output"] for row in written] == [f"out/{name}.png" for name in names]
    for name in names:
        np.testing.assert_array_equal(read_image(tmp_path / "out" / f"{name}.png"), 255 - photo, err_msg=name)


def test_folders_below(ask: Callable, tmp_path: Path, photo: np.ndarray) -> None:
    """Painted pictures lie as their photos do; those of a run before are no photos."""
    for name in ("photos/trip/day 1/a.png", "photos/.thumbs/a.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        Image.fromarray(photo).save(tmp_path / name)
    flags = ["--model=painter", "--content=photos/", "--style=negative", "--output=photos/painted"]
    for _ in range(2):
        done = ask(*flags)
        assert done.returncode == 0, done.stderr
        written = [name.removeprefix("photos/painted/") for name in done.stdout.splitlines()]
        assert written == [
            *(f"a{kind}.png" for kind in ("bmp", "png", "tiff", "webp")),
            "trip/day 1/a.png",
            "turned.png",
        ]
    assert len(ask("--model=namer", "--content=photos").stdout.splitlines()) == 12
    Image.fromarray(photo).save(tmp_path / "photos" / "trip" / "day 1" / "a.jpg")
    assert "day 1/a.png: another picture has this name" in ask(*flags).stderr
    assert "output must be another folder" in ask(*flags[:-1], "--output=photos").stderr


def test_an_address_needs_no_scheme(server: ModelServer, photo: np.ndarray, run_main: Callable) -> None:
    address = server.rest_address.removeprefix("http://")
    done = run_main(query.main, f"--rest={address}", "--model=namer", "--content=photo.png")
    assert (done.returncode, done.stdout) == (0, "photo.png  vögel  0.750\n"), done.stderr
    done = run_main(query.main, "--grpc=http://localhost:8500", "--model=namer", "--content=photo.png")
    assert done.returncode == 2 and "--grpc must be HOST:PORT" in done.stderr


def test_a_classifier(ask: Callable) -> None:
    done = ask("--model=namer", "--content=photo.png")
    assert (done.returncode, done.stdout) == (0, "photo.png  vögel  0.750\n"), done.stderr
    done = ask("--model=namer", "--content=photo.png", "--json")
    expected = {"class_name": "vögel", "probability": 0.75, "probabilities": [0.25, 0.75]}
    assert json.loads(done.stdout) == {"content": "photo.png", **expected}


def test_what_it_tells_about_a_model(ask: Callable) -> None:
    assert ask("--model=painter", "--show=styles").stdout == "negative\nsame\n"
    assert json.loads(ask("--model=painter", "--show=description").stdout)["version"] == 1
    status = json.loads(ask("--model=painter", "--show=status").stdout)
    assert status == [{"version": 1, "state": "AVAILABLE", "code": "OK", "message": ""}]
    listing = ask("--model=painter", "--show=signatures").stdout.splitlines()
    assert listing[1].startswith(
        "serve_image_bytes(image_bytes: string [?], style_weights: float32 [?, 2]) -> ("
    )


@pytest.mark.parametrize(
    "flags,code,message",
    [
        (["--content=photo.png"], 2, "--model must be a model's name"),
        (["--model=painter"], 2, "--content must be a picture"),
        (
            ["--model=painter", "--content=x.png", "--style=same", "--output=o.png"],
            1,
            "x.png: does not exist",
        ),
        (["--model=painter", "--content=photo.png", "--style=same"], 1, "output must name a file"),
        (
            ["--model=painter", "--content=photo.png", "--style=same", "--output=a.xyz"],
            1,
            "output must end in",
        ),
        (["--model=painter", "--content=photo.png", "--style=new", "--output=o.png"], 1, "negative, same"),
        (["--model=painter", "--content=photo.png", "--strength=-1", "--output=o.png"], 2, "--strength must"),
        (["--model=none", "--content=photo.png"], 1, "Servable not found for request: Latest(none)"),
        (["--model=namer", "--version=3", "--content=photo.png"], 1, "Specific(namer, 3)"),
        (["--model=namer", "--content=photo.png", "--style=same"], 1, "style must be left out"),
        (["--model=namer", "--show=everything"], 2, "status"),
        (["--model=namer", "--show=description"], 1, "namer: doesn't describe itself"),
    ],
)
def test_bad_input_is_named(ask: Callable, flags: list[str], code: int, message: str) -> None:
    done = ask(*flags)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_no_server(run_main: Callable, photo: np.ndarray) -> None:
    flags = ["--rest=http://127.0.0.1:1", "--retries=0", "--model=namer", "--content=photo.png"]
    done = run_main(query.main, *flags)
    assert done.returncode == 1
    assert "http://127.0.0.1:1/v1/models/namer/metadata: cannot be reached" in done.stderr
