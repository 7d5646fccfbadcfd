"""Clients of every kind, none of them ours, send a photo and get a picture."""

import base64
import http.server
import io
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from nst_keras.serving.protocol.protos import predict_pb2, prediction_service_pb2_grpc

from ..conftest import Addresses, random_picture

PHOTO = random_picture()
OPTIONS = {"style_weights": [[0.0, 1.0]], "strength": [0.5], "longest_side": [0]}
URL = "/v1/models/painter:predict"


def encoded_photo() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PHOTO).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    pictures = [{"b64": base64.b64encode(encoded_photo()).decode()}]
    return {"signature_name": "serve_image_bytes", "inputs": {"image_bytes": pictures, **OPTIONS}}


def check_painted(picture: bytes) -> None:
    """The second style at half its strength: halfway to white."""
    expected = np.round(PHOTO + 0.5 * (255.0 - PHOTO)).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(picture))), expected)


def check_answer(answer: Any) -> None:
    check_painted(base64.b64decode(answer["outputs"][0]["b64"]))


def test_requests(server: Addresses, document: dict[str, Any]) -> None:
    requests = pytest.importorskip("requests", reason="requests isn't installed")
    answer = requests.post(server.rest + URL, json=document, timeout=60)
    answer.raise_for_status()
    check_answer(answer.json())


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not on the PATH")
def test_curl(server: Addresses, document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text(json.dumps(document))
    command = ["curl", "--silent", "--fail", "-d", f"@{tmp_path / 'request.json'}", server.rest + URL]
    done = subprocess.run(command, capture_output=True, check=True)
    check_answer(json.loads(done.stdout))


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    """Where an empty page lies, elsewhere than the model server."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{site.server_port}/"
        site.shutdown()


FETCH = """async ([url, request]) => {
    const headers = {"Content-Type": "application/json"};
    const answer = await fetch(url, {method: "POST", headers, body: JSON.stringify(request)});
    return await answer.json();
}"""


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(not CHROMIUM, reason="needs chromium (Debian: apt-get install chromium)")
def test_fetch(server: Addresses, document: dict[str, Any], page: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed")
    with playwright.sync_playwright() as drivers:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = drivers.chromium.launch(executable_path=CHROMIUM, args=arguments)
        window = browser.new_page()
        window.goto(page)
        check_answer(window.evaluate(FETCH, [server.rest + URL, document]))
        browser.close()


def test_stubs(server: Addresses) -> None:
    asked = predict_pb2.PredictRequest()
    asked.model_spec.name, asked.model_spec.signature_name = "painter", "serve_image_bytes"
    types = {"style_weights": np.float32, "strength": np.float32, "longest_side": np.int32}
    asked.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto([encoded_photo()]))
    for name, values in OPTIONS.items():
        asked.inputs[name].CopyFrom(tf.make_tensor_proto(values, types[name]))
    with grpc.insecure_channel(server.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        check_painted(stub.Predict(asked, timeout=60).outputs["image_bytes"].string_val[0])
