"""For benchmarks/serving.py: a server process, a small model, and requests that are wrong in many ways."""

import base64
import contextlib
import gzip
import io
import json
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import tensorflow as tf
import urllib3
from PIL import Image

from nst_keras.serving.protocol.protos import predict_pb2
from nst_keras.serving.protocol.status_codes import HTTP_STATUSES

MODEL = "painter"
_MAX_BODY_MB, _READ_TIMEOUT = 8, 3
_MAX_PIXELS = 4_000_000


class Server:
    """An nst-serve process, on the same ports again after each start.

    Attributes:
        rest: Address of the REST API.
        grpc: Address of the gRPC API.
        process: The process.
    """

    def __init__(self, serving_dir: Path, *flags: str) -> None:
        """Starts it."""
        self._flags = [f"--serving_dir={serving_dir}", *flags]
        self._ports = ["--rest_api_port=0", "--port=0"]
        self.start()

    def start(self) -> None:
        """Starts it and waits until it answers."""
        flags = [f"--max_body_mb={_MAX_BODY_MB}", f"--read_timeout={_READ_TIMEOUT}", "--request_timeout=900"]
        command = [sys.executable, "-m", "nst_keras.cli.serve", *self._flags, *flags, *self._ports]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr or ():
            found = re.match(r"REST (http://\S+:(\d+)), gRPC (\S+:(\d+)): ", line)
            if found:
                self.rest, self.grpc = found[1], found[3]
                self._ports = [f"--rest_api_port={found[2]}", f"--port={found[4]}"]
                # What it says from now on must go somewhere.
                threading.Thread(target=self.process.stderr.read, daemon=True).start()
                return
        raise SystemExit("nst-serve didn't start")

    def memory_mb(self) -> float:
        """Resident memory of the server and its workers."""
        return round(sum(process.memory_info().rss for process in self._processes()) / 2**20, 1)

    def cpu_seconds(self) -> float:
        """Processor time that the server and its workers have had."""
        times = (process.cpu_times() for process in self._processes())
        return sum(time.user + time.system for time in times)

    def _processes(self) -> list[psutil.Process]:
        server = psutil.Process(self.process.pid)
        return [server, *server.children(recursive=True)]

    def kill_a_worker(self) -> None:
        """Ends one of those that compute, as if it had crashed."""
        psutil.Process(self.process.pid).children()[0].kill()

    def stop(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait(60)


class SmallPainter(tf.Module):
    """Three convolutions over a JPEG or PNG, with the checks that a served model needs."""

    def __init__(self, seed: int) -> None:
        """Random weights."""
        super().__init__()
        rng = np.random.default_rng(seed)
        shapes = [(9, 9, 3, 16), (3, 3, 16, 16), (3, 3, 16, 3)]
        self.kernels = [tf.Variable(rng.normal(0, 0.1, shape).astype(np.float32)) for shape in shapes]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def paint(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers each picture with a PNG of its size."""
        return {"image_bytes": tf.map_fn(self._paint_one, image_bytes, fn_output_signature=tf.string)}

    def _paint_one(self, data: tf.Tensor) -> tf.Tensor:
        is_png = tf.strings.substr(data, 0, 4) == b"\x89PNG"
        is_jpeg = tf.strings.substr(data, 0, 2) == b"\xff\xd8"
        checks = [tf.debugging.Assert(is_png | is_jpeg, ["a picture must be a JPEG or PNG"])]
        with tf.control_dependencies(checks):
            sides = tf.cond(is_png, lambda: _png_sides(data), lambda: tf.image.extract_jpeg_shape(data)[:2])
        small = tf.reduce_prod(tf.cast(sides, tf.int64)) <= _MAX_PIXELS
        with tf.control_dependencies([tf.debugging.Assert(small, ["a picture is too large"])]):
            x = tf.cast(tf.io.decode_image(data, channels=3, expand_animations=False), tf.float32)[None] / 255
        for kernel in self.kernels:
            x = tf.nn.sigmoid(tf.nn.conv2d(x, kernel, 1, "SAME"))
        return tf.io.encode_png(tf.cast(tf.round(255 * x[0]), tf.uint8), compression=1)


def _png_sides(data: tf.Tensor) -> tf.Tensor:
    sides = tf.io.decode_raw(tf.strings.substr(data, 16, 8), tf.int32, little_endian=False)
    return tf.reshape(sides, [2])


def save_small_painter(folder: Path, seed: int) -> Path:
    """Writes a SavedModel for runs without one."""
    module = SmallPainter(seed)
    tf.saved_model.save(module, str(folder), signatures={"serve_image_bytes": module.paint})
    return folder


def photo(size: int) -> bytes:
    """A JPEG of that height and width."""
    from sklearn.datasets import load_sample_image

    picture = Image.fromarray(load_sample_image("china.jpg")).resize((size, size))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


class BadRequests:
    """Requests that must be refused, each with the HTTP statuses that are right; 0 is no answer at all."""

    def __init__(self, address: str, options: dict[str, Any], grpc_address: str) -> None:
        """Prepares them.

        Args:
            address: Of the REST API.
            grpc_address: Of the gRPC API.
            options: The model's inputs beside the picture, for one picture.
        """
        self._host, self._port = address.removeprefix("http://").split(":")
        self._url = f"{address}/v1/models/{MODEL}"
        self._options = options
        self._channel = grpc.insecure_channel(
            grpc_address, options=[("grpc.max_send_message_length", -1), ("grpc.enable_retries", 0)]
        )
        # A connection for each: one that is kept may be put out by many idle ones.
        headers = {"Connection": "close"}
        self._pool = urllib3.PoolManager(retries=False, maxsize=64, timeout=120, headers=headers)
        good = self._document(b"x")
        post, zipped, both = self._post, self._send_zipped, {"instances": [1], "inputs": {}}
        deep, huge = b"[" * 50_000, b'{"inputs": "' + b"x" * (_MAX_BODY_MB << 20) + b'"}'
        self.kinds: dict[str, tuple[Callable[[], int], set[int]]] = {
            "broken base64": (lambda: post(self._document({"b64": "%%%"})), {400}),
            "no bytes": (lambda: post(self._document(b"")), {400}),
            "no picture": (lambda: post(self._document(b"not a picture")), {400}),
            "cut picture": (lambda: post(self._document(photo(64)[:300])), {400}),
            "GIF of 60000 x 60000": (lambda: post(self._document(_gif())), {400}),
            "PNG of 30000 x 30000": (lambda: post(self._document(_png())), {400}),
            "empty body": (lambda: post(b""), {400}),
            "half JSON": (lambda: post(json.dumps(good).encode()[:-9]), {400}),
            "nested JSON": (lambda: post(deep), {400}),
            "huge JSON": (lambda: post(huge), {413}),
            "wrong input": (lambda: post({**good, "inputs": {"picture": ["x"]}}), {400}),
            "wrong type": (lambda: post(self._document(3)), {400}),
            "wrong signature": (lambda: post({**good, "signature_name": "nothing"}), {400}),
            "rows and columns": (lambda: post(both), {400}),
            "unequal lists": (lambda: post({**good, "inputs": [[1], [2, 3]]}), {400}),
            "unknown model": (lambda: self._send("POST", self._url + "x:predict", b"{}"), {404}),
            "unknown version": (
                lambda: self._send("POST", self._url + "/versions/999:predict", b"{}"),
                {404},
            ),
            "unknown label": (lambda: self._send("POST", self._url + "/labels/old:predict", b"{}"), {400}),
            "wrong method": (lambda: self._send("PUT", self._url + ":predict", b"{}"), {400}),
            "unknown path": (lambda: self._send("GET", self._url.replace("/v1/", "/v2/"), b""), {404}),
            "no gzip": (lambda: zipped(b"x"), {400}),
            "half a gzip": (lambda: zipped(gzip.compress(json.dumps(good).encode())[:-9]), {400}),
            "gzip bomb": (lambda: zipped(gzip.compress(bytes(_MAX_BODY_MB << 24))), {413}),
            "other compression": (lambda: zipped(b"x", "br"), {501}),
            "PNG of one bit, 16000 x 16000": (lambda: post(self._document(_flat_png(16_000))), {400}),
            "JPEG of 65000 x 65000": (lambda: post(self._document(_jpeg())), {400}),
            "BMP of 40000 x 40000": (lambda: post(self._document(_bmp())), {400}),
            "1,000 pictures": (lambda: post(self._document([""] * 1000)), {400}),
            "7 MB of numbers": (lambda: post(b'{"inputs": [' + b"1," * (7 << 19) + b"1]}"), {400}),
            "a million keys": (lambda: post(_many_keys()), {400}),
            "a number of a million digits": (lambda: post(b'{"inputs": ' + b"9" * 1_000_000 + b"}"), {400}),
            "NaN": (lambda: post(b'{"inputs": NaN}'), {400}),
            "no UTF-8": (lambda: post(b'{"inputs": "\xff\xfe"}'), {400}),
            "half a surrogate": (lambda: post(b'{"inputs": "\\ud800"}'), {400}),
            "classify": (lambda: self._send("POST", self._url + ":classify", b'{"examples": [{}]}'), {400}),
            "version of 30 digits": (
                lambda: self._send("POST", f"{self._url}/versions/{'9' * 30}:predict", b"{}"),
                {400},
            ),
            "coded slashes": (
                lambda: self._raw(b"GET /v1/models/..%2F..%2Fetc HTTP/1.1\r\nHost: x\r\n\r\n"),
                {404},
            ),
            "long header": (lambda: self._raw(b"GET / HTTP/1.1\r\nX: " + b"x" * 99_999), {0, 400}),
            "negative length": (lambda: self._raw(_HEAD.replace(b"999", b"-1")), {400}),
            "two lengths": (
                lambda: self._raw(_HEAD.replace(b"Host: x", b"Content-Length: 1\r\nHost: x")),
                {400},
            ),
            "wrong chunks": (
                lambda: self._raw(
                    _HEAD.replace(b"Content-Length: 999", b"Transfer-Encoding: chunked") + b"zz"
                ),
                {0, 400, 408},
            ),
            "1,000 idle sockets, then a probe": (self._idle, {200}),
            "a reader who takes nothing": (self._take_nothing, {0}),
            "gRPC: a huge tensor that isn't there": (lambda: self._call(_huge_tensor()), {400, 429}),
            "gRPC: no message": (lambda: self._call(b"\xff" * 100), {400}),
            "gRPC: nothing in it": (lambda: self._call(b""), {400}),
            "gRPC: past the limit": (lambda: self._call(bytes((_MAX_BODY_MB << 20) + 1)), {429}),
            "gRPC: silence": (lambda: self._call(None), {499}),
            "gRPC: a stream without end": (lambda: self._call(b"\xff" * 100, endless=True), {400}),
            "no HTTP": (lambda: self._raw(b"\x16\x03\x01 hello\r\n\r\n"), {400}),
            "slow headers": (lambda: self._raw(b"POST / HTTP/1.1\r\nX: ", drip=True), {0}),
            "slow body": (lambda: self._raw(_HEAD + b"{", drip=True), {408}),
            "half-closed": (lambda: self._raw(_HEAD + b"{", close=True), {0, 400}),
            "gone at once": (lambda: self._raw(_HEAD + b"{", leave=True), {0}),
        }

    def _document(self, picture: Any) -> dict[str, Any]:
        value = {"b64": base64.b64encode(picture).decode()} if isinstance(picture, bytes) else picture
        inputs = {"image_bytes": [value], **{name: [option] for name, option in self._options.items()}}
        return {"signature_name": "serve_image_bytes", "inputs": inputs}

    def _post(self, document: Any) -> int:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self._send("POST", self._url + ":predict", body)

    def _send(self, method: str, url: str, body: bytes) -> int:
        return self._pool.request(method, url, body=body).status

    def _send_zipped(self, body: bytes, encoding: str = "gzip") -> int:
        headers = {"Content-Encoding": encoding, "Connection": "close"}
        return self._pool.request("POST", self._url + ":predict", body=body, headers=headers).status

    def _idle(self) -> int:
        with contextlib.ExitStack() as sockets:
            for number in range(1000):
                link = sockets.enter_context(socket.create_connection((self._host, int(self._port)), 30))
                link.sendall(b"GET / HT" * (number % 2))
            return self._send("GET", self._url, b"")

    def _take_nothing(self) -> int:
        """Asks for a picture and goes, some seconds later, without having read a byte of it."""
        body = json.dumps(self._document(photo(256))).encode()
        with socket.create_connection((self._host, int(self._port)), 30) as link:
            link.sendall(_HEAD.replace(b"999", str(len(body)).encode()) + body)
            time.sleep(2 * _READ_TIMEOUT)
        return 0

    def _call(self, data: bytes | None, *, endless: bool = False) -> int:
        """Calls Predict with bytes, or with nothing at all; returns the HTTP status of gRPC's code."""

        def messages() -> Iterator[bytes]:
            if data is None:
                time.sleep(3 * _READ_TIMEOUT)
                return
            yield data
            while endless:
                time.sleep(0.01)
                yield data

        try:
            self._channel.stream_unary("/tensorflow.serving.PredictionService/Predict")(
                messages(), timeout=60
            )
        except grpc.RpcError as error:
            return HTTP_STATUSES[error.code().name]
        return 200

    def _raw(self, data: bytes, *, drip: bool = False, close: bool = False, leave: bool = False) -> int:
        received = b""
        try:
            with socket.create_connection((self._host, int(self._port)), timeout=0.5 if drip else 30) as link:
                link.sendall(data)
                if close:
                    link.shutdown(socket.SHUT_WR)
                for _ in range(60 if drip else 1):
                    if leave:
                        return 0
                    try:
                        received += link.recv(4096)
                        break
                    except TimeoutError:
                        link.sendall(b"x")
        except OSError:
            pass
        return int(received.split()[1]) if received.startswith(b"HTTP/") else 0


_HEAD = f"POST /v1/models/{MODEL}:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n".encode()


def _gif() -> bytes:
    size = struct.pack("<HH", 60_000, 60_000)
    head = b"GIF89a" + size + b"\x80\x00\x00" + b"\x00\x00\x00\xff\xff\xff"
    return head + b"\x2c\x00\x00\x00\x00" + size + b"\x00\x02\x02\x44\x01\x00\x3b"


def _flat_png(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (side, side)).save(buffer, "PNG")
    return buffer.getvalue()


def _jpeg() -> bytes:
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, 65_000, 65_000, 3) + bytes(range(9))
    return b"\xff\xd8" + frame + b"\xff\xd9"


def _bmp() -> bytes:
    return b"BM" + struct.pack("<IIIIiiHHIIIIII", 54, 0, 54, 40, 40_000, 40_000, 1, 24, 0, 0, 0, 0, 0, 0)


def _many_keys() -> bytes:
    keys = ",".join(f'"{number:x}":0' for number in range(500_000))
    return f'{{"inputs": {{{keys}}}}}'.encode()


def _huge_tensor() -> bytes:
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = MODEL, "serve_image_bytes"
    tensor = request.inputs["image_bytes"]
    tensor.dtype, tensor.string_val[:] = tf.string.as_datatype_enum, [b"x"]
    tensor.tensor_shape.dim.add(size=1 << 40)
    return bytes(request.SerializeToString())


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    row = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", row) + chunk(b"IEND", b"")
