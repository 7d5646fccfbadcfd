"""The serving API as documented; our server always, TensorFlow Serving where it is installed.

What is expected here comes from TensorFlow Serving's api_rest.md, its protocol files and its sources;
docs/serving.md lists which.
"""

import base64
import json

import numpy as np
import pytest
import tensorflow as tf
import urllib3

from nst_keras.errors import InputError
from nst_keras.serving.client.client import Client, connect
from nst_keras.serving.client.pictures import PictureModel
from nst_keras.serving.client.settings import CallSettings, PictureSettings
from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.status_codes import ServingError

from ..conftest import Addresses, post, random_picture, request

SCALE = ModelSpec("scale")


@pytest.fixture(params=["rest", "grpc"])
def client(request: pytest.FixtureRequest, addresses: Addresses) -> Client:
    return connect(getattr(addresses, request.param), CallSettings(timeout=30))


def _predict(addresses: Addresses, document: object, model: str = "scale") -> object:
    reply = post(addresses.rest, f"/v1/models/{model}:predict", document)
    assert reply.status == 200, reply.data
    assert reply.headers["Content-Type"] == "application/json"
    return json.loads(reply.data)


def _get(addresses: Addresses, path: str) -> urllib3.BaseHTTPResponse:
    return request("GET", addresses.rest + path)


def test_rows(addresses: Addresses) -> None:
    found = _predict(addresses, {"instances": [[1, 2, 3], [0.5, 0, 1e3]]})
    assert found == {"predictions": [[3, 6, 9], [1.5, 0, 3000]]}, "one output loses its name"
    named = {"instances": [{"x": [1, 2, 3]}], "signature_name": "serving_default"}
    assert _predict(addresses, named) == {"predictions": [[3, 6, 9]]}


def test_columns(addresses: Addresses) -> None:
    assert _predict(addresses, {"inputs": [[1, 2, 3]]}) == {"outputs": [[3, 6, 9]]}
    assert _predict(addresses, {"inputs": {"x": [[1, 2, 3]]}}) == {"outputs": [[3, 6, 9]]}


def test_several_inputs_and_outputs_with_text_and_bytes(addresses: Addresses) -> None:
    coded = {"b64": base64.b64encode("straße".encode()).decode()}
    rows = [{"text": "añil", "number": 1}, {"text": coded, "number": -5}]
    found = _predict(addresses, {"signature_name": "several", "instances": rows})
    first, second = found["predictions"]
    assert first == {
        "upper": "AÑIL",
        "raw_bytes": {"b64": base64.b64encode("añil".encode()).decode()},
        "next": 2,
    }
    assert second["next"] == -4
    assert second["raw_bytes"] == coded, "names that end in _bytes come base64-coded"
    columns = {"signature_name": "several", "inputs": {"text": ["a"], "number": [2**31 - 2]}}
    outputs = {"upper": ["A"], "raw_bytes": [{"b64": "YQ=="}], "next": [2**31 - 1]}
    assert _predict(addresses, columns) == {"outputs": outputs}


def test_infinity_and_nan(addresses: Addresses) -> None:
    body = b'{"instances": [[Infinity, 1e2, 0]]}'
    reply = request("POST", f"{addresses.rest}/v1/models/scale:predict", body=body)
    assert json.loads(reply.data) == {"predictions": [[float("inf"), 300, 0]]}


@pytest.mark.parametrize(
    "path,document,status,words",
    [
        ("scale", {"instances": [[1, 2, -3]]}, 400, "must not be negative"),
        ("scale", {"instances": [["a", 2, 3]]}, 400, ""),
        ("scale", {"instances": [[True, 2, 3], [1, 2, 3]]}, 400, ""),
        ("scale", {"instances": [[1, 2, 3], [1, 2]]}, 400, ""),
        ("scale", {"instances": [[1, 2]]}, 400, ""),
        ("scale", {"instances": []}, 400, ""),
        ("scale", {"instances": {"x": 1}}, 400, ""),
        ("scale", {"instances": [[1, 2, 3]], "inputs": [[1, 2, 3]]}, 400, ""),
        ("scale", {"instances": [{"z": [1, 2, 3]}]}, 400, ""),
        ("scale", {"inputs": {"z": [[1, 2, 3]]}}, 400, ""),
        ("scale", {"instances": [[1e39, 2, 3]]}, 400, ""),
        ("scale", {}, 400, "Missing 'inputs' or 'instances' key"),
        ("scale", [1, 2, 3], 400, ""),
        (
            "scale",
            {"instances": [[1, 2, 3]], "signature_name": 3},
            400,
            "'signature_name' key must be a string",
        ),
        ("scale", {"instances": [1], "signature_name": "no"}, 400, 'Serving signature name: "no" not found'),
        ("scale", {"signature_name": "several", "instances": ["a"]}, 400, ""),
        ("scale", {"signature_name": "several", "inputs": {"text": ["a"], "number": [2**31]}}, 400, ""),
        ("scale", {"signature_name": "several", "inputs": {"text": ["a"], "number": [1.5]}}, 400, ""),
        ("scale", {"signature_name": "several", "inputs": {"text": [1], "number": [1]}}, 400, ""),
        ("scale", {"signature_name": "several", "inputs": {"text": {"b64": "%"}, "number": [1]}}, 400, ""),
        ("nothing", {"instances": [[1, 2, 3]]}, 404, "Servable not found for request: Latest(nothing)"),
        ("scale/versions/7", {"instances": [[1]]}, 404, "Servable not found for request: Specific(scale, 7)"),
        ("scale/labels/old", {"instances": [[1, 2, 3]]}, 400, "Unrecognized servable version label: old"),
        ("scale/versions/x", {"instances": [[1, 2, 3]]}, 400, "Malformed request: POST"),
    ],
)
def test_errors(addresses: Addresses, path: str, document: object, status: int, words: str) -> None:
    reply = post(addresses.rest, f"/v1/models/{path}:predict", document)
    assert reply.status == status, reply.data
    assert words in json.loads(reply.data)["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 2000, b'{"instances": [[1, 2, 3]]}}'])
def test_what_is_no_json(addresses: Addresses, body: bytes) -> None:
    reply = request("POST", f"{addresses.rest}/v1/models/scale:predict", body=body)
    assert reply.status == 400
    assert json.loads(reply.data).keys() == {"error"}


def test_status(addresses: Addresses) -> None:
    found = json.loads(_get(addresses, "/v1/models/scale").data)
    good = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    assert found == {"model_version_status": [{"version": "2", **good}, {"version": "1", **good}]}
    assert json.loads(_get(addresses, "/v1/models/scale/versions/1").data)["model_version_status"][0] == {
        "version": "1",
        **good,
    }
    missing = _get(addresses, "/v1/models/nothing")
    assert missing.status == 404
    assert "Could not find any versions of model nothing" in json.loads(missing.data)["error"]
    assert _get(addresses, "/v1/models/scale/versions/7").status == 404


def test_metadata(addresses: Addresses) -> None:
    found = json.loads(_get(addresses, "/v1/models/scale/versions/1/metadata").data)
    assert found["model_spec"] == {"name": "scale", "signature_name": "", "version": "1"}
    assert found["metadata"]["signature_def"].keys() == {"signature_def"}
    signatures = found["metadata"]["signature_def"]["signature_def"]
    assert signatures["serving_default"]["method_name"] == "tensorflow/serving/predict"
    x = signatures["serving_default"]["inputs"]["x"]
    assert x["dtype"] == "DT_FLOAT"
    sizes = [{"size": "-1", "name": ""}, {"size": "3", "name": ""}]
    assert x["tensor_shape"] == {"dim": sizes, "unknown_rank": False}
    assert _get(addresses, "/v1/models/nothing/metadata").status == 404


def test_both_clients_get_numbers_in_their_types(client: Client) -> None:
    found = client.predict(SCALE, {"x": np.array([[1, 2, 3]])})
    assert found["y"].dtype == np.float32
    np.testing.assert_array_equal(found["y"], [[3, 6, 9]])
    found = client.predict(SCALE, {"text": ["añil", b"x"], "number": [1, 2]}, "several")
    assert found["next"].dtype == np.int64
    assert found["next"].tolist() == [2, 3]
    assert found["raw_bytes"][0] == "añil".encode()
    assert found["upper"][0] == "AÑIL".encode()


def test_versions_and_labels(client: Client) -> None:
    for model, factor in [
        (SCALE, 3),
        (ModelSpec("scale", version=1), 2),
        (ModelSpec("scale", label="stable"), 2),
        (ModelSpec("scale", label="canary"), 3),
    ]:
        assert client.predict(model, {"x": [[1, 0, 0]]})["y"][0, 0] == factor
    assert [status.version for status in client.status(SCALE)] == [2, 1]
    assert client.status(SCALE)[0].state == "AVAILABLE"


@pytest.mark.parametrize(
    "model,inputs,signature,code,words",
    [
        (ModelSpec("nothing"), {"x": [1]}, "serving_default", "NOT_FOUND", "nothing"),
        (ModelSpec("scale", version=7), {"x": [1]}, "serving_default", "NOT_FOUND", "7"),
        (SCALE, {"x": [[1, 2, -3]]}, "serving_default", "INVALID_ARGUMENT", "must not be negative"),
        (
            SCALE,
            {"x": [[1, 2]]},
            "serving_default",
            "INVALID_ARGUMENT",
            r"\[\?, 3\]. Received: float32 \[1, 2\]",
        ),
        (SCALE, {"z": [[1, 2]]}, "serving_default", "INVALID_ARGUMENT", "inputs must be x. Received: z"),
        (SCALE, {"x": [1]}, "no", "INVALID_ARGUMENT", "There are: count, .*serving_default"),
    ],
)
def test_errors_reach_the_caller(
    client: Client, model: ModelSpec, inputs: dict, signature: str, code: str, words: str
) -> None:
    with pytest.raises(ServingError, match=words) as caught:
        client.predict(model, inputs, signature)
    assert caught.value.code == code


def test_inputs_of_another_type_are_refused_before_they_are_sent(client: Client) -> None:
    with pytest.raises(InputError, match=r"input x must be float32\. Received: <U1"):
        client.predict(SCALE, {"x": [["a", "b", "c"]]})
    with pytest.raises(InputError, match=r"input number must be int32\. Received: float64"):
        client.predict(SCALE, {"text": ["a"], "number": [1.5]}, "several")


def test_a_stylizer_paints(client: Client) -> None:
    picture = random_picture()
    data = tf.io.encode_png(picture).numpy()

    def paint(**settings: object) -> np.ndarray:
        model = PictureModel(client, ModelSpec("painter"), PictureSettings(**settings))
        assert not model.is_classifier
        return tf.io.decode_png(model.paint(data)).numpy()

    assert not paint(style="ink").any()
    assert (paint(style="wave") == 255).all()
    assert (paint(style="wave:3,ink:1") == 191).all(), "weights are shares"
    np.testing.assert_array_equal(paint(style="ink", strength=0.0), picture)
    with pytest.raises(ServingError, match="image") as caught:
        PictureModel(client, ModelSpec("painter"), PictureSettings(style="ink")).paint(b"no picture")
    assert caught.value.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "model,settings,words",
    [
        ("painter", {}, "style must be of ink, wave. Received: style=$"),
        ("painter", {"style": "wawe"}, "style must be of ink, wave. Received: style=wawe"),
        ("painter", {"style": "ink:x"}, "numbers as weights"),
        ("painter", {"style": "ink:1,wave:-1"}, "weights from 0"),
        ("namer", {"style": "ink"}, "style must be left out: namer takes none"),
        ("scale", {}, "serve_image_bytes"),
    ],
)
def test_what_a_model_cannot_do_is_said_at_once(
    client: Client, model: str, settings: dict, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        PictureModel(client, ModelSpec(model), PictureSettings(**settings))


def test_a_classifier_names(client: Client) -> None:
    model = PictureModel(client, ModelSpec("namer"))
    assert model.is_classifier
    found = model.classify(tf.io.encode_png(np.full((4, 4, 3), 204, np.uint8)).numpy())
    assert found.class_name == "bright"
    assert found.probability == pytest.approx(0.8)
    assert found.probabilities == pytest.approx((0.2, 0.8))


def test_small_decimals_read_well(addresses: Addresses) -> None:
    reply = post(addresses.rest, "/v1/models/scale/versions/1:predict", {"instances": [[0.05, 1e-7, 0.15]]})
    assert b"0.1" in reply.data
    assert b"0.10000000149" not in reply.data
