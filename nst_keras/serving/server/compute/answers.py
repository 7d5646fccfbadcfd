"""From the bytes of a request to the bytes of its answer, given a model; in whichever process that is."""

import functools
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from nst_keras.serving.protocol.examples import (
    classifications,
    read_examples,
    read_json_examples,
    regressions,
)
from nst_keras.serving.protocol.json_predict import read_inputs, write_outputs
from nst_keras.serving.protocol.json_tensors import write_json
from nst_keras.serving.protocol.protos import (
    classification_pb2,
    inference_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)
from nst_keras.serving.protocol.signatures import (
    CLASSIFY_METHOD,
    DEFAULT_SIGNATURE,
    DESCRIBE_SIGNATURE,
    REGRESS_METHOD,
    Signature,
    find_signature,
)
from nst_keras.serving.protocol.status_codes import ServingError, invalid
from nst_keras.serving.protocol.tensors import from_proto, to_proto
from nst_keras.serving.server.settings import ServerSettings

Signatures = Mapping[str, Signature]
Arrays = dict[str, np.ndarray]
# Calls a signature, by name, with its inputs.
Run = Callable[[str, Arrays], Arrays]
_Predict = Callable[..., Arrays]  # signature's name, a function from signature to inputs, names of outputs

GRPC_REQUESTS = {
    "Predict": predict_pb2.PredictRequest,
    "Classify": classification_pb2.ClassificationRequest,
    "Regress": regression_pb2.RegressionRequest,
    "MultiInference": inference_pb2.MultiInferenceRequest,
}
_TASKS = {
    CLASSIFY_METHOD: ("classification_result", classifications),
    REGRESS_METHOD: ("regression_result", regressions),
}


@dataclass(frozen=True)
class Job:
    """A request for a model that is loaded.

    Attributes:
        method: As its API writes it: predict, classify or regress by REST, Predict and so on by gRPC.
        request: As it came: JSON, or a message.
        name: The model's.
        version: Of the model.
    """

    method: str
    request: bytes
    name: str
    version: int


def answer(job: Job, signatures: Signatures, run: Run, settings: ServerSettings) -> bytes:
    """Answers a request in the form in which it came; raises ServingError."""
    predict = functools.partial(_predict, signatures, run)
    if job.method in GRPC_REQUESTS:
        return _answer_message(job, predict, settings)
    document = _parse(job.request)
    read, write = _ways(document, job.method)
    return json_body(write(predict(document.get("signature_name", ""), read)))


def read_request(method: str, data: bytes) -> Any:
    """A request's message."""
    try:
        return GRPC_REQUESTS[method].FromString(data)
    except DecodeError as error:
        raise invalid(f"the request is no {GRPC_REQUESTS[method].__name__}: {error}") from error


def json_body(document: Any) -> bytes:
    """A document as JSON."""
    return write_json(document).encode()


def _predict(
    signatures: Signatures,
    run: Run,
    signature_name: str,
    read: Callable[[Signature], Arrays],
    only: Collection[str] = (),
) -> Arrays:
    """Calls a signature; without `only`, all outputs are returned."""
    signature_name = signature_name or DEFAULT_SIGNATURE
    signature = find_signature(signatures, signature_name)
    try:
        inputs = read(signature)
        signature.check(inputs)
    except ServingError as error:
        raise ServingError(error.code, f"{error}{_other_signatures(signatures, signature_name)}") from error
    signature.check_outputs(only)
    outputs = run(signature_name, inputs)
    return {name: array for name, array in outputs.items() if not only or name in only}


def _other_signatures(signatures: Signatures, signature_name: str) -> str:
    """What to say to somebody who perhaps meant another signature than the default one."""
    others = [
        f"{name}({signature.takes()})"
        for name, signature in sorted(signatures.items())
        if name not in (DEFAULT_SIGNATURE, DESCRIBE_SIGNATURE)
    ]
    if signature_name != DEFAULT_SIGNATURE or not others:
        return ""
    return f". This was for {DEFAULT_SIGNATURE}; a request's signature_name can name {', '.join(others)}"


def _answer_message(job: Job, predict: _Predict, settings: ServerSettings) -> bytes:
    request = read_request(job.method, job.request)
    if job.method == "Predict":
        return _answer_predict(job, request, predict, settings)
    if job.method == "MultiInference":
        reply = inference_pb2.MultiInferenceResponse()
        for task in request.tasks:
            if task.method_name not in _TASKS:
                raise ServingError("UNIMPLEMENTED", f"Unsupported signature method_name: {task.method_name}")
            if task.model_spec.name != job.name:
                raise invalid("all tasks of a request must be for the same model")
            field, write = _TASKS[task.method_name]
            result = _ask_about_examples(task.model_spec, request.input, write, predict)
            answered = reply.results.add(model_spec=_answered(job, task.model_spec.signature_name))
            getattr(answered, field).CopyFrom(result)
        return bytes(reply.SerializeToString())
    answers = {
        "Classify": (classification_pb2.ClassificationResponse, classifications),
        "Regress": (regression_pb2.RegressionResponse, regressions),
    }
    kind, write = answers[job.method]
    result = _ask_about_examples(request.model_spec, request.input, write, predict)
    answered = _answered(job, request.model_spec.signature_name)
    return bytes(kind(model_spec=answered, result=result).SerializeToString())


def _answer_predict(job: Job, request: Any, predict: _Predict, settings: ServerSettings) -> bytes:
    def read(signature: Signature) -> Arrays:
        values = {**signature.defaults, **request.inputs}
        signature.check_names(values)
        return {name: from_proto(value, most_bytes=settings.max_body_bytes) for name, value in values.items()}

    signature_name = request.model_spec.signature_name
    outputs = predict(signature_name, read, request.output_filter)
    reply = predict_pb2.PredictResponse(model_spec=_answered(job, signature_name))
    for name, array in outputs.items():
        packed = settings.enable_serialization_as_tensor_content
        reply.outputs[name].CopyFrom(to_proto(array, packed=packed))
    return bytes(reply.SerializeToString())


def _ask_about_examples(spec: Any, examples: Any, write: Callable[..., Any], predict: _Predict) -> Any:
    """The answer that is made of outputs and the number of examples."""
    count = len(examples.example_list.examples) or len(examples.example_list_with_context.examples)
    return write(predict(spec.signature_name, functools.partial(read_examples, examples)), count)


def _answered(job: Job, signature_name: str) -> "model_pb2.ModelSpec":
    """Who answered."""
    spec = model_pb2.ModelSpec(name=job.name, signature_name=signature_name or DEFAULT_SIGNATURE)
    spec.version.value = job.version
    return spec


def _parse(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from error
    if not isinstance(document, dict):
        raise invalid("the request must be a JSON object")
    if not isinstance(document.get("signature_name", ""), str):
        raise invalid("'signature_name' key must be a string value.")
    return document


def _ways(document: dict[str, Any], method: str) -> tuple[Callable[..., Arrays], Callable[[Arrays], Any]]:
    """How a request's inputs are read, and its outputs written."""
    if method == "predict":
        read = functools.partial(read_inputs, document)
        return read, functools.partial(write_outputs, rows="instances" in document)
    examples = read_json_examples(document)
    count, write = len(document["examples"]), {"classify": _classes, "regress": _numbers}[method]
    return functools.partial(read_examples, examples), lambda outputs: {"results": write(outputs, count)}


def _classes(outputs: Arrays, count: int) -> list[Any]:
    result = classifications(outputs, count)
    return [[[one.label, one.score] for one in entry.classes] for entry in result.classifications]


def _numbers(outputs: Arrays, count: int) -> list[float]:
    return [one.value for one in regressions(outputs, count).regressions]
