"""The client beside its answers: what it loads, how long it tries, and what it says without a server."""

import http.server
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from nst_keras.errors import InputError
from nst_keras.serving.client.client import connect
from nst_keras.serving.client.pictures import read_description
from nst_keras.serving.client.settings import CallSettings
from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.status_codes import ServingError

MODEL = ModelSpec("model")

# A signature without inputs, which TensorFlow Serving's REST API doesn't call.
_OUTPUT = {"name": "x", "dtype": "DT_STRING", "tensor_shape": {}}
_DESCRIBE = {"outputs": {"description": _OUTPUT}, "method_name": "tensorflow/serving/predict"}
_METADATA = {"metadata": {"signature_def": {"signature_def": {"describe": _DESCRIBE}}}}
_REFUSAL = {"error": "Failed to get input map for signature: describe"}
_STATUS = {"model_version_status": [{"version": "3", "state": "AVAILABLE", "status": {"error_code": "OK"}}]}


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the server's list of statuses, one a request; 0 hangs up, -1 says nothing for a while."""

    def do_GET(self) -> None:
        self.server.asked += 1
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == -1:
            self.server.stop.wait(5)
        if status <= 0:
            self.close_connection = True
            return
        good = _METADATA if self.path.endswith("/metadata") else _STATUS
        self._send(status, good if status == 200 else {"error": f"code {status}"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._send(400, _REFUSAL)

    def _send(self, status: int, document: dict) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def unsteady() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.asked, server.statuses, server.stop = 0, [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield server
    server.stop.set()
    server.shutdown()
    server.server_close()
    thread.join()


def _connect(server: http.server.ThreadingHTTPServer, **settings: float) -> object:
    return connect(f"http://127.0.0.1:{server.server_address[1]}", CallSettings(**settings))


def test_a_server_that_is_away_for_a_moment_is_tried_again(unsteady: http.server.ThreadingHTTPServer) -> None:
    unsteady.statuses = [503, 0]
    assert _connect(unsteady, retries=2).status(MODEL)[0].version == 3
    assert unsteady.asked == 3


@pytest.mark.parametrize(
    "status,code",
    [
        (400, "INVALID_ARGUMENT"),
        (404, "NOT_FOUND"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "UNKNOWN"),
        (418, "INVALID"),
    ],
)
def test_other_errors_are_final(unsteady: http.server.ThreadingHTTPServer, status: int, code: str) -> None:
    unsteady.statuses = [status]
    with pytest.raises(ServingError, match=f"code {status}") as caught:
        _connect(unsteady, retries=5).status(MODEL)
    assert caught.value.code.startswith(code)
    assert unsteady.asked == 1


def test_in_the_end_it_gives_up(unsteady: http.server.ThreadingHTTPServer) -> None:
    unsteady.statuses = [503] * 9
    with pytest.raises(ServingError, match="code 503") as caught:
        _connect(unsteady, retries=1).status(MODEL)
    assert (caught.value.code, unsteady.asked) == ("UNAVAILABLE", 2)


def test_no_answer_in_time(unsteady: http.server.ThreadingHTTPServer) -> None:
    unsteady.statuses = [-1]
    with pytest.raises(ServingError, match=r"no answer within 0\.2 s") as caught:
        _connect(unsteady, timeout=0.2).status(MODEL)
    assert (caught.value.code, unsteady.asked) == ("DEADLINE_EXCEEDED", 1)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "127.0.0.1:1"])
def test_no_server(address: str) -> None:
    with pytest.raises(ServingError, match=r"127\.0\.0\.1:1") as caught:
        connect(address, CallSettings(retries=0)).status(MODEL)
    assert caught.value.code == "UNAVAILABLE"


@pytest.mark.parametrize("address", ["localhost", "ftp://localhost:1", "http://", "http://localhost:1/?x=1"])
def test_addresses_are_checked(address: str) -> None:
    with pytest.raises(InputError, match=r"address must be like .*localhost:850\d\. Received: "):
        connect(address)


def test_a_description_that_cannot_be_had_by_rest(unsteady: http.server.ThreadingHTTPServer) -> None:
    client = _connect(unsteady)
    with pytest.raises(InputError, match=r"model: its signature describe .* by REST; use gRPC"):
        read_description(client, MODEL, client.signatures(MODEL))


def test_what_answers_is_no_model_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=_answer_once, args=(listener, b"HTTP/1.1 200 OK\r\n\r\n<html>hello"))
        thread.start()
        with pytest.raises(ServingError, match="the answer isn't a model server's: HTTP 200 <html>hello"):
            connect(f"http://127.0.0.1:{port}").status(MODEL)
        thread.join()


def _answer_once(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(answer)


_CLIENT = """
import sys
from nst_keras.serving.client.client import connect
from nst_keras.serving.protocol.tensors import from_proto, to_proto
import nst_keras.serving.client.pictures, nst_keras.serving.client.picture_files
connect("http://localhost:8501"), connect("localhost:8500")
import numpy as np
message = to_proto(np.float32([1.5, 2.5]))
assert not [name for name in sys.modules if name.partition(".")[0] in ("tensorflow", "keras")]
"""
_TENSORFLOW = """
import tensorflow as tf
assert tf.make_ndarray(message).tolist() == [1.5, 2.5]
assert from_proto(tf.make_tensor_proto([[b"a"]])).tolist() == [[b"a"]]
"""


@pytest.mark.parametrize("after", ["", pytest.param(_TENSORFLOW, marks=pytest.mark.large, id="tensorflow")])
def test_the_client_never_loads_tensorflow_which_loads_after_it(after: str) -> None:
    command = [sys.executable, "-c", _CLIENT + after]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
