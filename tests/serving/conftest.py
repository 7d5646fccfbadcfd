"""Small SavedModels, and servers for them: ours always, TensorFlow Serving's where it is installed."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import urllib3

from nst_keras.served.push import push
from nst_keras.serving.server.server import ModelServer
from nst_keras.serving.server.settings import ServerSettings

REAL_SERVER = "tensorflow_model_server"
SERVERS = ("nst-serve", REAL_SERVER)
IMAGE_VARIABLE = "NST_KERAS_SERVING_IMAGE"  # with Docker, the image of the real server
STYLES = ("ink", "wave")


class Scale(tf.Module):
    """Multiplies, and does other things that a server must get across."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = tf.Variable(factor)

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])
    def scale(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies([tf.debugging.assert_non_negative(x, "numbers must not be negative")]):
            return {"y": x * self.factor}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="text"),
            tf.TensorSpec([None], tf.int32, name="number"),
        ]
    )
    def several(self, text: tf.Tensor, number: tf.Tensor) -> dict[str, tf.Tensor]:
        upper = tf.strings.upper(text, encoding="utf-8")
        return {"upper": upper, "raw_bytes": text, "next": tf.cast(number, tf.int64) + 1}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def count(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """How many rows were computed together, for each row."""
        with tf.control_dependencies([tf.debugging.assert_non_negative(x, "numbers must not be negative")]):
            return {"rows": tf.fill(tf.shape(x), tf.size(x)), "x": tf.identity(x)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="steps")])
    def work(self, steps: tf.Tensor) -> dict[str, tf.Tensor]:
        """Takes some ten microseconds a step."""
        start = tf.ones([64, 64]) * self.factor
        result = tf.while_loop(
            lambda step, _: step < tf.reduce_max(steps),
            lambda step, x: (step + 1, tf.linalg.l2_normalize(x @ start)),
            (0, start),
        )[1]
        return {"factor": tf.fill(tf.shape(steps), self.factor + 0 * tf.reduce_sum(result))}


class Painter(tf.Module):
    """Has the signatures of a stylizer: two styles, which make a picture dark or bright."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="image_bytes"),
            tf.TensorSpec([None, 2], tf.float32, name="style_weights"),
            tf.TensorSpec([None], tf.float32, name="strength"),
            tf.TensorSpec([None], tf.int32, name="longest_side"),
        ]
    )
    def paint(
        self, image_bytes: tf.Tensor, style_weights: tf.Tensor, strength: tf.Tensor, longest_side: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        def one(row: tuple[tf.Tensor, ...]) -> tf.Tensor:
            data, weights, mix, _ = row
            photo = tf.cast(tf.io.decode_image(data, channels=3, expand_animations=False), tf.float32)
            painted = photo + mix * (255 * weights[1] - photo)
            return tf.io.encode_png(tf.cast(tf.round(painted), tf.uint8))

        rows = (image_bytes, style_weights, strength, longest_side)
        return {"image_bytes": tf.map_fn(one, rows, fn_output_signature=tf.string)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="request")])
    def describe(self, request: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"description": tf.fill(tf.shape(request), '{"styles": ["ink", "wave"]}')}


class Namer(tf.Module):
    """Has the signature of a classifier: bright or dark."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def name_pictures(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        def brightness(data: tf.Tensor) -> tf.Tensor:
            pixels = tf.io.decode_image(data, channels=3, expand_animations=False)
            return tf.reduce_mean(tf.cast(pixels, tf.float32)) / 255

        bright = tf.map_fn(brightness, image_bytes, fn_output_signature=tf.float32)
        probabilities = tf.stack([1 - bright, bright], axis=1)
        names = tf.gather(["dark", "bright"], tf.argmax(probabilities, axis=1))
        most = tf.reduce_max(probabilities, axis=1)
        return {"class_name": names, "probability": most, "probabilities": probabilities}


def save_scale(folder: Path, factor: float) -> Path:
    module = Scale(factor)
    signatures = {
        "serving_default": module.scale,
        "several": module.several,
        "count": module.count,
        "work": module.work,
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


@dataclass(frozen=True)
class Sources:
    """SavedModels that were not pushed yet."""

    scale: dict[float, Path]
    painter: Path
    namer: Path


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    root = tmp_path_factory.mktemp("sources")
    painter, namer = Painter(), Namer()
    signatures = {"serve_image_bytes": painter.paint, "describe": painter.describe}
    tf.saved_model.save(painter, str(root / "painter"), signatures=signatures)
    signatures = {"serve_image_bytes": namer.name_pictures}
    tf.saved_model.save(namer, str(root / "namer"), signatures=signatures)
    scale = {factor: save_scale(root / f"scale{factor}", factor) for factor in (2.0, 3.0)}
    return Sources(scale, root / "painter", root / "namer")


@pytest.fixture(scope="session")
def serving_dir(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of `scale`, one of `painter` and `namer`, and a models.config with labels."""
    root = tmp_path_factory.mktemp("serving")
    for source in sources.scale.values():
        push(source, root, "scale")
    push(sources.painter, root, "painter")
    push(sources.namer, root, "namer")
    simple = "".join(
        f"config {{ name: '{name}' base_path: '{root / name}' model_platform: 'tensorflow' }}\n"
        for name in ("painter", "namer")
    )
    both = f"""config {{
        name: 'scale' base_path: '{root / "scale"}' model_platform: 'tensorflow'
        model_version_policy {{ all {{}} }}
        version_labels {{ key: 'stable' value: 1 }}
        version_labels {{ key: 'canary' value: 2 }}
    }}"""
    (root / "models.config").write_text(f"model_config_list {{ {simple} {both} }}")
    return root


@dataclass(frozen=True)
class Addresses:
    """Where a server listens."""

    rest: str
    grpc: str


@contextmanager
def serving(server: str, folder: Path, model: str) -> Iterator[Addresses]:
    """A server of those in `SERVERS` with the models.config of a folder, once it serves a model."""
    config = str(folder / "models.config")
    if server != REAL_SERVER:
        settings = {"rest_api_port": 0, "port": 0, "isolate": False, "rest_api_enable_cors_support": True}
        with ModelServer(ServerSettings(model_config_file=config, **settings)) as ours:
            yield Addresses(ours.rest_address, ours.grpc_address)
        return
    image, command = os.environ.get(IMAGE_VARIABLE), [REAL_SERVER]
    if image:
        command = ["docker", "run", "--rm", "--network=host", f"--volume={folder}:{folder}:ro"]
        command += [f"--entrypoint={REAL_SERVER}", image]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not on the PATH")
    rest, grpc = _free_port(), _free_port()
    command += [f"--model_config_file={config}", f"--rest_api_port={rest}", f"--port={grpc}"]
    command += ["--allow_version_labels_for_unavailable_models", "--rest_api_enable_cors_support"]
    process = subprocess.Popen(command)
    try:
        _wait_until_ready(f"http://localhost:{rest}/v1/models/{model}", process)
        yield Addresses(f"http://localhost:{rest}", f"localhost:{grpc}")
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session", params=SERVERS)
def addresses(request: pytest.FixtureRequest, serving_dir: Path) -> Iterator[Addresses]:
    """A running server with everything in `serving_dir`."""
    with serving(request.param, serving_dir, "scale") as addresses:
        yield addresses


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., ModelServer]]:
    """Starts servers of an empty folder, or with other settings; all stop at the end."""
    servers = []

    def make(**settings: object) -> ModelServer:
        (tmp_path / "models").mkdir(exist_ok=True)
        given = {"serving_dir": str(tmp_path / "models"), "rest_api_port": 0, "port": 0}
        given |= {"file_system_poll_wait_seconds": 0.05, "isolate": False}
        servers.append(ModelServer(ServerSettings(**{**given, **settings})))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """The folder of `start`'s servers."""
    return tmp_path / "models"


def wait_for(happened: Callable[[], object], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"{what} didn't happen"
        time.sleep(0.02)


def request(method: str, url: str, **options: object) -> urllib3.BaseHTTPResponse:
    return urllib3.request(method, url, retries=False, timeout=60, **options)


def post(address: str, path: str, document: object) -> urllib3.BaseHTTPResponse:
    return request("POST", address + path, json=document)


def random_picture(seed: int = 0, size: tuple[int, int] = (12, 17)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_ready(url: str, process: subprocess.Popen) -> None:
    def is_ready() -> bool:
        assert process.poll() is None, "the server ended"
        try:
            return b"AVAILABLE" in request("GET", url).data
        except urllib3.exceptions.HTTPError:
            return False

    wait_for(is_ready, "the server's start", 120)
