"""What TensorFlow Serving's own tests and documents say of REST, as data, for every server and engine.

A case has its source among the files of github.com/tensorflow/serving. Our server answers all of them. Those
that are answered by a model are also put to the C++ session into which TensorFlow Serving loads models; and
the real server answers all where it is installed, or where there is Docker and the name of an image:

    NST_KERAS_SERVING_IMAGE=tensorflow/serving:2.20.0 pytest tests/serving/conformance
"""

import gzip
import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf

from nst_keras.serving.protocol.examples import (
    classifications,
    read_examples,
    read_json_examples,
    regressions,
)
from nst_keras.serving.protocol.json_predict import read_inputs, write_outputs
from nst_keras.serving.protocol.protos import (
    classification_pb2,
    inference_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)
from nst_keras.serving.protocol.signatures import (
    CLASSIFY_METHOD,
    DEFAULT_SIGNATURE,
    REGRESS_METHOD,
    read_signatures,
)
from pipelines.judging.servable_check import SessionModel

from ..conftest import Addresses, request

CASES = json.loads(Path(__file__).with_name("cases.json").read_text())
ANSWERED = [case for case in CASES if "reply" in case and "path" not in case]


def name_of(case: dict[str, Any]) -> str:
    return case["name"]


def wanted_of(case: dict[str, Any]) -> Any:
    """NaN and Infinity are no JSON, so an answer with them is text."""
    return json.loads(case["reply"]) if isinstance(case["reply"], str) else case["reply"]


def is_alike(found: Any, wanted: Any) -> bool:
    """Equal, with decimals as float32 has them."""
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(is_alike(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        pairs = zip(found, wanted, strict=False)
        return len(found) == len(wanted) and all(is_alike(*pair) for pair in pairs)
    if isinstance(wanted, float) and not isinstance(found, str | bool):
        return math.isclose(found, wanted, rel_tol=1e-6) or (math.isnan(found) and math.isnan(wanted))
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_servers_answer_alike(server: Addresses, case: dict[str, Any]) -> None:
    path = case.get("path") or f"POST /v1/models/{case.get('model')}:{case.get('method', 'predict')}"
    method, path = path.split()
    reply = request(method, server.rest + path, body=case["body"].encode() or None)
    assert reply.status == case.get("status", 200), reply.data
    assert reply.headers["Content-Type"] == "application/json"
    document = json.loads(reply.data)
    if "reply" in case:
        assert is_alike(document, wanted_of(case)), document
    else:
        assert document.keys() == {"error"}
        assert case["words"] in document["error"]


@lru_cache
def session_model(folder: Path) -> SessionModel:
    return SessionModel(str(folder))


@pytest.mark.parametrize("case", ANSWERED, ids=name_of)
def test_a_session_answers_alike(models: Path, case: dict[str, Any]) -> None:
    name = "half_plus_two" if "half" in case["model"] else "echo"
    model = session_model(next((models / name).iterdir()))
    document, method = json.loads(case["body"]), case.get("method", "predict")
    signature_name = document.get("signature_name", DEFAULT_SIGNATURE)
    signature = read_signatures(model.signatures)[signature_name]
    if method == "predict":
        outputs = model.run(signature_name, read_inputs(document, signature))
        found: Any = write_outputs(_as_arrays(outputs), rows="instances" in document)
    else:
        inputs, count = read_examples(read_json_examples(document), signature), len(document["examples"])
        outputs = model.run(signature_name, inputs)
        if method == "regress":
            found = {"results": [one.value for one in regressions(outputs, count).regressions]}
        else:
            entries = classifications(outputs, count).classifications
            found = {"results": [[[one.label, one.score] for one in entry.classes] for entry in entries]}
    assert is_alike(found, wanted_of(case)), found


def _as_arrays(outputs: dict[str, Any]) -> dict[str, np.ndarray]:
    """A session gives a single text as it is."""
    return {
        name: np.array(value, object) if isinstance(value, bytes) else np.asarray(value)
        for name, value in outputs.items()
    }


def test_compressed_bodies(server: Addresses) -> None:
    body = gzip.compress(b'{"instances": [1, 2, 5]}')
    url = f"{server.rest}/v1/models/half_plus_two:predict"
    reply = request("POST", url, body=body, headers={"Content-Encoding": "gzip"})
    assert (reply.status, json.loads(reply.data)) == (200, {"predictions": [2.5, 3, 4.5]})


def test_answers_by_grpc_lie_in_the_fields_of_their_types(server: Addresses) -> None:
    """TensorFlow Serving's examples read `.outputs["scores"].float_val`."""
    with grpc.insecure_channel(server.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        asked = predict_pb2.PredictRequest()
        asked.model_spec.name = "half_plus_two"
        asked.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0, 2.0, 5.0]))
        answer = stub.Predict(asked, timeout=30)
        assert list(answer.outputs["y"].float_val) == [2.5, 3, 4.5]
        assert not answer.outputs["y"].tensor_content
        assert answer.model_spec.version.value == 123
        asked.model_spec.version.value = 0
        with pytest.raises(grpc.RpcError) as caught:
            stub.Predict(asked, timeout=30)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_packed_texts_are_read(server: Addresses) -> None:
    """C++ clients send pictures so: all lengths, then all bytes."""
    asked = predict_pb2.PredictRequest()
    asked.model_spec.name, asked.model_spec.signature_name = "echo", "strings"
    text = asked.inputs["x"]
    text.dtype, text.tensor_content = tf.string.as_datatype_enum, b"\x01\x03\x00abcd"
    text.tensor_shape.dim.add(size=3)
    with grpc.insecure_channel(server.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        assert list(stub.Predict(asked, timeout=30).outputs["y"].string_val) == [b"a", b"bcd", b""]


def test_examples_by_grpc(server: Addresses) -> None:
    with grpc.insecure_channel(server.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        asked = classification_pb2.ClassificationRequest()
        asked.model_spec.name, asked.model_spec.signature_name = "half_plus_two", "classify_x_to_y"
        example = asked.input.example_list.examples.add()
        example.features.feature["x"].float_list.value.append(20)
        entries = stub.Classify(asked, timeout=30).result.classifications
        assert [(one.label, one.score) for one in entries[0].classes] == [("", 12)]

        number = regression_pb2.RegressionRequest(input=asked.input)
        number.model_spec.name, number.model_spec.signature_name = "half_plus_two", "regress_x_to_y"
        assert [one.value for one in stub.Regress(number, timeout=30).result.regressions] == [12]

        both = inference_pb2.MultiInferenceRequest(input=asked.input)
        for method, spec in ((CLASSIFY_METHOD, asked.model_spec), (REGRESS_METHOD, number.model_spec)):
            both.tasks.add(model_spec=spec, method_name=method)
        results = stub.MultiInference(both, timeout=30).results
        assert results[0].classification_result.classifications[0].classes[0].score == 12
        assert results[1].regression_result.regressions[0].value == 12

        del asked.input.example_list.examples[:]
        with pytest.raises(grpc.RpcError, match="Input is empty") as caught:
            stub.Classify(asked, timeout=30)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
