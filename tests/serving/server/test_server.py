"""What our own server does beside answering: batches, limits, and clients that misbehave."""

import gzip
import json
import random
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import Mock

import grpc
import numpy as np
import pytest
import urllib3
from grpc_health.v1 import health_pb2, health_pb2_grpc

from nst_keras.errors import InputError
from nst_keras.served.push import push
from nst_keras.serving.client.client import connect
from nst_keras.serving.client.settings import CallSettings
from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.protos import (
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    saved_model_pb2,
)
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.protocol.tensors import to_proto
from nst_keras.serving.server.compute.loaded_model import LoadedModel
from nst_keras.serving.server.grpc_server import _Services
from nst_keras.serving.server.server import ModelServer

from ..conftest import Sources, post, request, wait_for

SCALE = ModelSpec("scale")
Start = Callable[..., ModelServer]


def _factor(server: ModelServer) -> float:
    return connect(server.rest_address).predict(SCALE, {"x": [[1, 0, 0]]})["y"][0, 0]


def test_requests_that_come_together_are_answered_together(
    start: Start, models_dir: Path, sources: Sources
) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start(batch_timeout=500.0, max_batch_size=8)
    clients = [connect(server.rest_address), connect(server.grpc_address)]
    gate = threading.Barrier(8)

    def ask(number: int) -> object:
        gate.wait()
        try:
            return clients[number % 2].predict(SCALE, {"x": [number if number < 7 else -1]}, "count")
        except ServingError as error:
            return error

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    bad = answers.pop()
    assert isinstance(bad, ServingError)
    assert "must not be negative" in str(bad)
    assert [float(answer["x"][0]) for answer in answers] == list(range(7)), "a bad one harms no other"
    with ThreadPoolExecutor(8) as pool:
        gate.reset()
        answers = list(pool.map(lambda number: ask(number % 7), range(8)))
    assert sum(answer["rows"][0] > 1 for answer in answers) >= 2
    assert all(answer["rows"].shape == (1,) for answer in answers)
    many = clients[0].predict(SCALE, {"x": np.arange(20)}, "count")
    assert many["rows"].tolist() == [20] * 20, "what is larger than a batch goes alone"


def test_past_the_queue_requests_are_refused(start: Start, models_dir: Path, sources: Sources) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start(workers=1, queue_size=2)
    once = CallSettings(retries=0)
    clients = [connect(server.rest_address, once), connect(server.grpc_address, once)]
    codes = []

    def ask(number: int) -> None:
        try:
            clients[number % 2].predict(SCALE, {"steps": [3000]}, "work")
            codes.append("OK")
        except ServingError as error:
            codes.append(error.code)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(ask, range(12)))
    assert codes.count("OK") >= 3
    assert codes.count("RESOURCE_EXHAUSTED") == 12 - codes.count("OK") > 0
    assert _factor(server) == 2.0, "it goes on"


def test_who_waits_too_long_is_told(start: Start, models_dir: Path, sources: Sources) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start(workers=1, request_timeout=0.2)
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(connect(server.rest_address).predict, SCALE, {"steps": [60_000]}, "work")
        wait_for(lambda: not server.is_idle(), "the long request")
        reply = post(server.rest_address, "/v1/models/scale:predict", {"inputs": [[1, 2, 3]]})
        assert reply.status == 504
        assert "no worker was free" in json.loads(reply.data)["error"]
        with pytest.raises(ServingError) as caught:
            connect(server.grpc_address).predict(SCALE, {"x": [[1, 2, 3]]})
        assert caught.value.code == "DEADLINE_EXCEEDED"
        assert long.result()["factor"] == 2.0


def test_a_fault_of_the_server_is_told_as_such(
    start: Start,
    models_dir: Path,
    sources: Sources,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start()

    def broken(model: LoadedModel, *arguments: object) -> None:
        raise RuntimeError("a secret of the server")

    with monkeypatch.context() as patch:
        patch.setattr(LoadedModel, "run", broken)
        reply = post(server.rest_address, "/v1/models/scale:predict", {"inputs": [[1, 2, 3]]})
        assert reply.status == 500
        assert json.loads(reply.data) == {"error": "internal error; the server's log has more"}
        with pytest.raises(ServingError, match="internal error; the server's log has more") as caught:
            connect(server.grpc_address, CallSettings(retries=0)).predict(SCALE, {"x": [[1, 2, 3]]})
        assert caught.value.code == "INTERNAL"
    assert sum(record.exc_info is not None for record in caplog.records) == 2
    assert caplog.text.count("RuntimeError: a secret of the server") == 2
    assert _factor(server) == 2.0, "it goes on"
    page = request("GET", f"{server.rest_address}/monitoring/prometheus/metrics").data.decode()
    assert ':tensorflow:serving:request_count{model_name="scale",status="INTERNAL"} 2.0' in page


def test_bodies_are_bounded(start: Start, models_dir: Path, sources: Sources) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start(max_body_mb=1)
    path = f"{server.rest_address}/v1/models/scale:predict"
    large = b'{"inputs": [[1, 2, 3]]}' + b" " * (1 << 20)
    for body in (large, iter([large])):  # with a length, and in chunks
        reply = request("POST", path, body=body)
        assert reply.status == 413
        assert "at most 1048576 bytes" in json.loads(reply.data)["error"]
    assert request("POST", path, body=large[: 1 << 20]).status == 200
    for body, encoding, status, words in (
        (gzip.compress(large), "gzip", 413, "at most 1048576 bytes"),
        (gzip.compress(large[: 1 << 20]), "GZIP", 200, ""),
        (gzip.compress(large)[:-20], "gzip", 400, "cut short"),
        (large[:100], "gzip", 400, "compressed by gzip"),
        (large[:100], "br", 501, "by gzip or not at all"),
    ):
        reply = request("POST", path, body=body, headers={"Content-Encoding": encoding})
        assert reply.status == status
        assert words in json.loads(reply.data).get("error", "")
    with pytest.raises(ServingError) as caught:
        connect(server.grpc_address).predict(SCALE, {"x": np.zeros((100_000, 3))})
    assert caught.value.code == "RESOURCE_EXHAUSTED"


def test_a_small_message_cannot_stand_for_a_huge_tensor(
    start: Start, models_dir: Path, sources: Sources
) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start(max_body_mb=1)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "scale"
    request.inputs["x"].CopyFrom(to_proto(np.zeros((0, 3), np.float32)))
    request.inputs["x"].tensor_shape.dim[0].size = 1 << 40
    with grpc.insecure_channel(server.grpc_address) as channel, pytest.raises(grpc.RpcError) as caught:
        prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=10)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_slow_and_broken_clients_are_dropped(start: Start, models_dir: Path, sources: Sources) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start(read_timeout=0.5)
    host, port = server.rest_address.removeprefix("http://").split(":")
    line = b"POST /v1/models/scale:predict HTTP/1.1\r\nHost: x\r\n"

    def send(data: bytes, then_every: float = 0.0) -> bytes:
        """Sends, then single bytes for a while; returns all that comes back until the server hangs up."""
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(data)
            try:
                for _ in range(20 if then_every else 0):
                    time.sleep(then_every)
                    connection.sendall(b"x")
            except OSError:
                pass
            received = b""
            try:
                while chunk := connection.recv(4096):
                    received += chunk
            except ConnectionResetError:
                pass
            return received

    with ThreadPoolExecutor(5) as pool:
        nothing = pool.submit(send, b"")
        slow_headers = pool.submit(send, line + b"X-Slow: ", 0.1)
        slow_body = pool.submit(send, line + b"Content-Length: 1000\r\n\r\n{", 0.1)
        no_http = pool.submit(send, b"\x16\x03\x01\x00 hello\r\n\r\n")
        long_headers = pool.submit(send, line + b"X: " + b"x" * 70_000)
        assert nothing.result() == slow_headers.result() == b""
        assert slow_body.result().startswith(b"HTTP/1.1 408 ")
        assert no_http.result().startswith(b"HTTP/1.1 400 ")
        assert long_headers.result().startswith(b"HTTP/1.1 400 ") or long_headers.result() == b""
    assert _factor(server) == 2.0


def test_idle_connections_live_longer_than_a_slow_request(
    start: Start, models_dir: Path, sources: Sources
) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start(read_timeout=0.2)
    with urllib3.PoolManager(maxsize=1, retries=False) as pool:
        url = f"{server.rest_address}/v1/models/scale"
        for _ in range(3):
            assert pool.request("GET", url).status == 200
            time.sleep(0.4)
        assert pool.connection_from_url(url).num_connections == 1


def test_nobody_waits_for_a_client_that_left(start: Start, models_dir: Path, sources: Sources) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start(workers=1)
    impatient = connect(server.rest_address, CallSettings(timeout=0.3, retries=0))
    impatient.signatures(SCALE)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(connect(server.grpc_address).predict, SCALE, {"steps": [30_000]}, "work")
        wait_for(lambda: not server.is_idle(), "the long request")
        with pytest.raises(ServingError) as caught:
            impatient.predict(SCALE, {"x": [[1, 2, 3]]})
    assert caught.value.code == "DEADLINE_EXCEEDED"
    wait_for(server.is_idle, "the end of all requests")
    page = request("GET", f"{server.rest_address}/monitoring/prometheus/metrics").data.decode()
    assert ':tensorflow:serving:request_count{model_name="scale",status="CANCELLED"} 1.0' in page


@pytest.mark.parametrize(
    "path", ["/v1/models/..%2Fmodels", "/v1/models/%2Fetc", "/v1/models/scale/../scale", "/v1/models/a%00b"]
)
def test_no_path_comes_from_a_request(start: Start, models_dir: Path, sources: Sources, path: str) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start()
    for method, suffix in (("GET", ""), ("POST", ":predict")):
        connection = urllib3.HTTPConnectionPool(server.rest_address.removeprefix("http://"), retries=False)
        assert connection.urlopen(method, path + suffix, body=b"{}").status in (400, 404)
    reload = model_management_pb2.ReloadConfigRequest()
    config = reload.config.model_config_list.config.add()
    config.name, config.base_path = "evil", "/etc"
    with grpc.insecure_channel(server.grpc_address) as channel, pytest.raises(grpc.RpcError) as caught:
        model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(reload, timeout=10)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert server.models.names() == ["scale"]


def test_metrics(start: Start, models_dir: Path, sources: Sources) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start()
    for client in (connect(server.rest_address), connect(server.grpc_address)):
        client.predict(SCALE, {"x": [[1, 2, 3]]})
        with pytest.raises(ServingError):
            client.predict(SCALE, {"x": [[1, 2, -3]]})
    post(server.rest_address, "/v1/models/no:predict", {})
    assert request("GET", f"{server.rest_address}/v1/models/scale/versions/7").status == 404
    page = request("GET", f"{server.rest_address}/monitoring/prometheus/metrics").data.decode()
    # By REST every call counts, also the client's for the signatures; only answers have a latency.
    assert ':tensorflow:serving:request_count{model_name="scale",status="OK"} 3.0' in page
    assert ':tensorflow:serving:request_count{model_name="scale",status="NOT_FOUND"} 1.0' in page
    assert ':tensorflow:serving:request_count{model_name="scale",status="INVALID_ARGUMENT"} 2.0' in page
    for method, interface in (("Predict", "GRPC"), ("predict", "REST")):
        labels = f'API="{method}",entrypoint="{interface}",model_name="scale"'
        assert f":tensorflow:serving:request_latency_count{{{labels}}} 1.0" in page
    assert 'model_name="no"' not in page


def _mutate(value: object, rng: random.Random) -> object:
    """Something else somewhere in a document."""
    odd = [
        None,
        True,
        -1,
        2**70,
        1e400,
        "",
        "x",
        [],
        {},
        [[]],
        {"b64": ""},
        {"b64": 3},
        ["a", 1],
        "\ud800",
        "\0",
    ]
    if rng.random() < 0.25:
        return rng.choice(odd)
    if isinstance(value, dict):
        return {(key if rng.random() < 0.9 else "odd"): _mutate(each, rng) for key, each in value.items()}
    if isinstance(value, list):
        return [_mutate(each, rng) for each in value][: rng.choice([None, None, 1])] * rng.choice([1, 1, 2])
    return value


def test_no_document_is_an_internal_error(start: Start, models_dir: Path, sources: Sources) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server, rng, found = start(), random.Random(0), Counter()
    seeds = [
        {"instances": [[1, 2, 3]], "signature_name": "serving_default"},
        {"inputs": {"x": [[1, 2, 3]]}},
        {"signature_name": "several", "instances": [{"text": "a", "number": 1}, {"text": "b", "number": 2}]},
        {"signature_name": "several", "inputs": {"text": [{"b64": "YQ=="}], "number": [1]}},
    ]
    for number in range(600):
        document = _mutate(seeds[number % 4], rng)
        url = f"{server.rest_address}/v1/models/scale:predict"
        reply = request("POST", url, body=json.dumps(document))
        found[reply.status] += 1
        assert reply.status in (200, 400), (document, reply.data)
        assert set(json.loads(reply.data)) <= {"error", "predictions", "outputs"}
    assert min(found[200], found[400]) > 20


def test_what_is_not_offered_says_so(start: Start, models_dir: Path, sources: Sources) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start()
    reply = post(server.rest_address, "/v1/models/scale:classify", {"examples": [{}]})
    assert reply.status == 400
    assert "must take inputs, serialized examples" in json.loads(reply.data)["error"]
    assert post(server.rest_address, "/", {}).status == 404
    assert request("PUT", f"{server.rest_address}/v1/models/scale").status == 400
    assert request("GET", f"{server.rest_address}/v1/models").status == 400


def test_a_taken_port_is_named(start: Start) -> None:
    server = start()
    rest, grpc_port = (
        int(address.rpartition(":")[2]) for address in (server.rest_address, server.grpc_address)
    )
    with pytest.raises(InputError, match=f"127.0.0.1:{rest}: cannot be listened on: Address already in use"):
        start(rest_api_port=rest)
    with pytest.raises(InputError, match=f"127.0.0.1:{grpc_port}: cannot be listened on"):
        start(port=grpc_port)
    with pytest.raises(InputError, match="missing: cannot be listed"):
        start(serving_dir="missing")


def test_inputs_with_defaults_may_be_left_out_by_grpc(
    start: Start, models_dir: Path, sources: Sources, tmp_path: Path
) -> None:
    shutil.copytree(sources.scale[2.0], tmp_path / "saved")
    saved = saved_model_pb2.SavedModel.FromString((tmp_path / "saved" / "saved_model.pb").read_bytes())
    defaults = saved.meta_graphs[0].signature_def["several"].defaults
    defaults["number"].CopyFrom(to_proto(np.int32([41])))
    (tmp_path / "saved" / "saved_model.pb").write_bytes(saved.SerializeToString())
    push(tmp_path / "saved", models_dir, "scale")
    asked = predict_pb2.PredictRequest()
    asked.model_spec.name, asked.model_spec.signature_name = "scale", "several"
    asked.inputs["text"].CopyFrom(to_proto(np.array([b"a"], object)))
    server = start()
    with grpc.insecure_channel(server.grpc_address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        assert list(stub.Predict(asked, timeout=10).outputs["next"].int64_val) == [42]
    by_rest = {"signature_name": "several", "inputs": {"text": ["a"]}}
    assert post(server.rest_address, "/v1/models/scale:predict", by_rest).status == 400, "as there"


def test_pages_of_other_addresses_may_ask_only_if_the_server_says_so(
    start: Start, models_dir: Path, sources: Sources
) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    for allowed in (False, True):
        server = start(rest_api_enable_cors_support=allowed)
        url = f"{server.rest_address}/v1/models/scale:predict"
        before = request("OPTIONS", url, headers={"Origin": "http://page"})
        answer = request("POST", url, body=b'{"inputs": [[1, 2, 3]]}', headers={"Origin": "http://page"})
        assert (before.status, answer.status) == (200 if allowed else 400, 200)
        for reply in (before, answer):
            assert ("Access-Control-Allow-Origin" in reply.headers) == allowed


def test_health_by_grpc(start: Start, models_dir: Path, sources: Sources) -> None:
    server = start()
    with grpc.insecure_channel(server.grpc_address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", "PredictionService", "tensorflow.serving.ModelService"):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as caught:
            next(stub.Watch(health_pb2.HealthCheckRequest(), timeout=10))
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_clients_may_say_what_is_served_if_the_server_says_so(
    start: Start, models_dir: Path, sources: Sources, tmp_path: Path
) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    push(sources.scale[3.0], tmp_path / "elsewhere", "scale")
    push(sources.namer, tmp_path / "elsewhere", "namer")
    (tmp_path / "broken" / "1").mkdir(parents=True)
    (tmp_path / "broken" / "1" / "saved_model.pb").write_bytes(b"no protocol message")
    server = start(allow_reload_config=True)

    def reload(platform: str = "tensorflow", **folders: Path) -> None:
        asked = model_management_pb2.ReloadConfigRequest()
        for name, folder in folders.items():
            config = asked.config.model_config_list.config.add()
            config.name, config.base_path = name.replace("_", "/"), str(folder)
            config.model_platform = platform
        with grpc.insecure_channel(server.grpc_address) as channel:
            model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(asked, timeout=30)

    namer = tmp_path / "elsewhere" / "namer"
    with pytest.raises(grpc.RpcError, match="model_platform must be") as caught:
        reload("", team_namer=namer)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT

    for bad, why in (
        ({"scale": tmp_path / "broken"}, r"scale: .*1/saved_model\.pb: is no SavedModel"),
        (
            {"scale": tmp_path / "elsewhere" / "scale", "bad": tmp_path / "none"},
            "bad: .*none: has none of the",
        ),
        ({"team_namer": namer, "bad": tmp_path / "broken"}, "bad: .*is no SavedModel"),
    ):
        with pytest.raises(grpc.RpcError, match=why) as caught:
            reload(**bad)
        assert caught.value.code() == grpc.StatusCode.UNKNOWN, "as TensorFlow Serving"
        assert server.models.names() == ["scale"] and _factor(server) == 2.0, "what was served still is"

    reload(scale=tmp_path / "elsewhere" / "scale")
    assert _factor(server) == 3.0, "the same number, from another folder"
    reload(team_namer=namer)
    assert server.models.names() == ["team/namer"]
    assert "image_bytes" in str(connect(server.rest_address).signatures(ModelSpec("team/namer")))


def test_messages_have_a_budget_together() -> None:
    services = _Services(Mock(settings=Mock(max_body_bytes=10)), Mock())
    with (
        services._holding(30),
        pytest.raises(ServingError, match="too many large requests"),
        services._holding(11),
    ):
        pass
    with services._holding(40):
        pass


@dataclass(frozen=True)
class Certificates:
    """Files of certificates and their keys: of an authority, of what it vouches for, and of a stranger."""

    authority: str
    localhost: tuple[str, str]
    client: tuple[str, str]
    stranger: tuple[str, str]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not on the PATH")
    folder = tmp_path_factory.mktemp("certificates")

    def make(name: str, *flags: str) -> tuple[str, str]:
        files = str(folder / f"{name}.pem"), str(folder / f"{name}.key")
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        command += ["-subj", f"/CN={name}", "-out", files[0], "-keyout", files[1], *flags]
        subprocess.run(command, check=True, capture_output=True)
        return files

    authority = make("authority")
    by_it = ["-CA", authority[0], "-CAkey", authority[1], "-addext", "basicConstraints=critical,CA:FALSE"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    return Certificates(
        authority[0], make("localhost", *by_it, *names), make("client", *by_it), make("stranger")
    )


def test_encrypted_on_both_ports(
    start: Start, models_dir: Path, sources: Sources, certificates: Certificates
) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start(tls_certificate=certificates.localhost[0], tls_key=certificates.localhost[1])
    trusting, once = CallSettings(ca_file=certificates.authority), CallSettings(retries=0, timeout=5)
    assert server.rest_address.startswith("https://")
    for address in (server.rest_address, server.grpc_address):
        assert connect(address, trusting).predict(SCALE, {"x": [[1, 2, 3]]})["y"][0, 0] == 2
        with pytest.raises(ServingError):
            connect(address.replace("https", "http"), once).predict(SCALE, {"x": [[1, 2, 3]]})


def test_clients_have_to_show_a_certificate_of_the_authority(
    start: Start, models_dir: Path, sources: Sources, certificates: Certificates
) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    certificate, key = certificates.localhost
    authority = certificates.authority
    server = start(tls_certificate=certificate, tls_key=key, tls_client_authority=authority)
    for address in (server.rest_address, server.grpc_address):
        for pair in (certificates.client, certificates.stranger, ("", "")):
            who = {"client_certificate": pair[0], "client_key": pair[1]}
            settings = CallSettings(ca_file=authority, retries=0, timeout=20, **who)
            if pair is certificates.client:
                assert connect(address, settings).predict(SCALE, {"x": [[1, 2, 3]]})["y"][0, 0] == 2
                continue
            with pytest.raises(ServingError) as caught:
                connect(address, settings).predict(SCALE, {"x": [[1, 2, 3]]})
            assert caught.value.code == "UNAVAILABLE"


def test_bad_certificates_are_named(start: Start, certificates: Certificates, tmp_path: Path) -> None:
    certificate, key = certificates.localhost
    (tmp_path / "text").write_text("no certificate")
    text, none = str(tmp_path / "text"), str(tmp_path / "none")
    with pytest.raises(InputError, match=r"text and .*: must be a certificate and its key"):
        start(tls_certificate=text, tls_key=key)
    with pytest.raises(InputError, match="tls_certificate and tls_key must both be given"):
        start(tls_certificate=certificate)
    with pytest.raises(InputError, match="none: does not exist"):
        start(tls_certificate=certificate, tls_key=none)
    with pytest.raises(InputError, match="text: must hold authorities' certificates"):
        start(tls_certificate=certificate, tls_key=key, tls_client_authority=text)
    with pytest.raises(InputError, match="client_certificate and client_key must both be given"):
        CallSettings(client_key=key)
    for address in ("https://localhost:1", "localhost:1"):
        with pytest.raises(InputError, match=r"text and .*: must be a certificate and its key"):
            connect(address, CallSettings(client_certificate=text, client_key=key))
        with pytest.raises(InputError, match="none: does not exist"):
            connect(address, CallSettings(ca_file=none))


def _open(server: ModelServer, data: bytes = b"") -> socket.socket:
    host, port = server.rest_address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.sendall(data)
    return connection


def test_idle_connections_lock_nobody_out(start: Start, models_dir: Path, sources: Sources) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start(max_connections=10, workers=1)
    # One is being answered all the while, others do nothing, or have only begun.
    body = b'{"signature_name": "work", "inputs": [20000]}'
    head = b"POST /v1/models/scale:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    busy = _open(server, head % len(body) + body)
    wait_for(lambda: not server.is_idle(), "the long request")
    idle = [_open(server, b"GET / HT" * (number % 2)) for number in range(60)]
    status = request("GET", f"{server.rest_address}/v1/models/scale")
    assert status.status == 200, "a probe gets through"
    assert b"200 OK" in busy.recv(4096), "who waits for an answer isn't put out"
    for connection in (busy, *idle):
        connection.close()


def test_who_does_not_take_an_answer_is_cut_off(start: Start, models_dir: Path, sources: Sources) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start(write_timeout=0.5)
    body = json.dumps({"inputs": np.ones([300_000, 3]).tolist()}).encode()
    head = b"POST /v1/models/scale:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    connection = _open(server, head % len(body) + body)
    api = server._api
    wait_for(lambda: sum(api._sending.values()) > 1 << 22, "the answer")
    wait_for(lambda: not api._sending, "the end of the connection")
    connection.close()
    assert _factor(server) == 2.0


def test_slow_readers_go_when_answers_fill_the_memory(
    start: Start, models_dir: Path, sources: Sources
) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start(max_body_mb=4)
    # Short numbers whose doubles are long ones: four times the bytes, and three answers are too many.
    body = json.dumps({"inputs": np.full([200_000, 3], 0.05).tolist()}, separators=(",", ":")).encode()
    head = b"POST /v1/models/scale:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    sending, slow = server._api._sending, [_open(server, head % len(body) + body)]
    wait_for(lambda: sending, "the first answer")
    first = next(iter(sending))
    slow.append(_open(server, head % len(body) + body))
    wait_for(lambda: first not in sending, "the end of the first")
    for connection, is_whole in zip(slow, (False, True), strict=True):
        received = b""
        with suppress(ConnectionResetError):
            while not received.endswith(b"]]}") and (chunk := connection.recv(1 << 20)):
                received += chunk
        assert received.endswith(b"]]}") == is_whole
        connection.close()


def test_calls_that_send_nothing_are_cut_off(start: Start, models_dir: Path, sources: Sources) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    server = start(read_timeout=0.5)
    silent = threading.Event()
    with grpc.insecure_channel(server.grpc_address) as channel:
        method = "/tensorflow.serving.PredictionService/Predict"
        call = channel.stream_unary(method).future(_nothing(silent))
        with pytest.raises(grpc.RpcError) as caught:
            call.result(timeout=20)
        assert caught.value.code() == grpc.StatusCode.CANCELLED
        silent.set()
    assert _factor(server) == 2.0


def _nothing(silent: threading.Event) -> Iterator[bytes]:
    """A stream in which nothing comes."""
    silent.wait(30)
    yield from ()


def test_a_token(start: Start, models_dir: Path, sources: Sources, tmp_path: Path) -> None:
    push(sources.scale[2.0], models_dir, "scale")
    (tmp_path / "token").write_text("geheim\n")
    (tmp_path / "other").write_text("other")
    server = start(token_file=str(tmp_path / "token"))
    for address in (server.rest_address, server.grpc_address):
        known = connect(address, CallSettings(token_file=str(tmp_path / "token")))
        assert known.predict(SCALE, {"x": [[1, 2, 3]]})["y"][0, 0] == 2
        for settings in (CallSettings(), CallSettings(token_file=str(tmp_path / "other"))):
            with pytest.raises(ServingError, match="Authorization: Bearer") as caught:
                connect(address, settings).status(SCALE)
            assert caught.value.code == "UNAUTHENTICATED"
    for path in ("/", "/monitoring/prometheus/metrics"):
        assert request("GET", server.rest_address + path).status == 401
    with grpc.insecure_channel(server.grpc_address) as channel:
        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
    (tmp_path / "empty").write_text("")
    with pytest.raises(InputError, match="empty: must hold a token"):
        start(token_file=str(tmp_path / "empty"))
