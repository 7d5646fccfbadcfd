"""What a person sees who opens a server's address, or asks without a signature."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from nst_keras.served.push import push
from nst_keras.serving.client.client import connect
from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.server.server import ModelServer

from ..conftest import Sources, post, request

Start = Callable[..., ModelServer]


@pytest.fixture
def server(start: Start, models_dir: Path, sources: Sources) -> ModelServer:
    models_dir.mkdir()
    for name, source in {
        "scale": sources.scale[2.0],
        "painter": sources.painter,
        "namer": sources.namer,
    }.items():
        push(source, models_dir, name)
    (models_dir / "broken" / "1").mkdir(parents=True)
    (models_dir / "broken" / "1" / "saved_model.pb").write_bytes(b"no model")
    return start()


def test_the_address_tells_what_is_served_and_how_to_ask(server: ModelServer) -> None:
    reply = request("GET", server.rest_address)
    assert reply.status == 200 and reply.headers["content-type"].startswith("text/plain")
    page = reply.data.decode()
    assert re.findall(r"^(\w+), version (\d+)$", page, re.MULTILINE) == [
        ("namer", "1"),
        ("painter", "1"),
        ("scale", "1"),
    ]
    assert f"broken: no version is served; {server.rest_address}/v1/models/broken says why" in page
    assert "\n  several(number: int32 [?], text: string [?]) -> (" in page
    asking = f"nst-query --rest={server.rest_address} --model"
    assert f"\n  {asking}=namer --content=photo.jpg\n" in page
    assert f"\n  {asking}=painter --content=photo.jpg --style=... --output=painted.png\n" in page
    (line,) = re.findall(r"^  curl -d .*/scale:predict$", page, re.MULTILINE)
    _, _, body, url = shlex.split(line)
    assert post(url, "", json.loads(body)).status == 200


def test_a_server_without_models_says_so(start: Start) -> None:
    assert "There are no models yet." in request("GET", start().rest_address).data.decode()


def test_a_request_for_another_signature_is_told_its_name(
    start: Start, models_dir: Path, sources: Sources
) -> None:
    models_dir.mkdir()
    push(sources.scale[2.0], models_dir, "scale")
    server = start()
    reply = post(server.rest_address, "/v1/models/scale:predict", {"instances": [{"b64": "YQ=="}]})
    assert reply.status == 400
    hint = "This was for serving_default; a request's signature_name can name count(x: float32 [?]), "
    assert hint in json.loads(reply.data)["error"]
    named = {"instances": [{"b64": "YQ=="}], "signature_name": "count"}
    assert "This was for" not in post(server.rest_address, "/v1/models/scale:predict", named).data.decode()
    with pytest.raises(ServingError, match="numbers must not be negative") as caught:
        connect(server.grpc_address).predict(ModelSpec("scale"), {"x": [[-1, 0, 0]]})
    assert "This was for" not in str(caught.value)
