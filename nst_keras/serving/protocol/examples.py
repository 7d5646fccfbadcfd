"""Classify and Regress: examples of named features in, classes with scores or a number for each out.

Rules as in TensorFlow Serving's classifier.cc, regressor.cc, input_converter and json_tensor.cc.
"""

import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from nst_keras.serving.protocol.json_tensors import BASE64, decode_base64, is_base64
from nst_keras.serving.protocol.protos import classification_pb2, example_pb2, input_pb2, regression_pb2
from nst_keras.serving.protocol.signatures import Signature
from nst_keras.serving.protocol.status_codes import ServingError, invalid

_INPUTS, _OUTPUTS, _CLASSES, _SCORES = "inputs", "outputs", "classes", "scores"
_FEATURE_KINDS = {bool: "int64_list", int: "int64_list", float: "float_list", bytes: "bytes_list"}


def read_json_examples(document: Mapping[str, Any]) -> "input_pb2.Input":
    """The examples of a request by REST, with what its "context" gives to all of them."""
    examples = document.get("examples")
    if not isinstance(examples, list) or not examples:
        raise invalid(f"'examples' must be a list with values. Received: {reprlib.repr(examples)}")
    message = input_pb2.Input()
    if "context" in document:
        message.example_list_with_context.context.CopyFrom(_read_example(document["context"]))
        message.example_list_with_context.examples.extend(map(_read_example, examples))
    else:
        message.example_list.examples.extend(map(_read_example, examples))
    return message


def read_examples(message: "input_pb2.Input", signature: Signature) -> dict[str, np.ndarray]:
    """The one input that such a signature takes: the examples as serialized messages [n]."""
    if list(signature.inputs) != [_INPUTS] or signature.inputs[_INPUTS].dtype != object:
        raise invalid(f"the signature must take {_INPUTS}, serialized examples. It takes {signature.takes()}")
    with_context = message.example_list_with_context
    context = with_context.context.SerializeToString()
    examples = with_context.examples or message.example_list.examples
    if not examples:
        raise invalid("Input is empty.")
    # What is written one after the other is read as one message.
    serialized = [example.SerializeToString() + context for example in examples]
    array = np.empty(len(serialized), object)
    array[:] = serialized
    return {_INPUTS: array}


def classifications(
    outputs: Mapping[str, np.ndarray], count: int
) -> "classification_pb2.ClassificationResult":
    """The answer of Classify: for each example its classes, as far as they are named, and their scores."""
    shown = {name: outputs[name] for name in (_CLASSES, _SCORES) if name in outputs}
    if not shown or any(array.ndim != 2 or len(array) != count for array in shown.values()):
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
        raise _wrong(f"{_CLASSES} or {_SCORES} must be [{count}, classes]. Received: {shapes}")
    if len({array.shape for array in shown.values()}) > 1:
        raise _wrong(f"there must be as many {_CLASSES} as {_SCORES}")
    result = classification_pb2.ClassificationResult()
    classes, scores = outputs.get(_CLASSES), outputs.get(_SCORES)
    for row in range(count):
        entry = result.classifications.add()
        for column in range(next(iter(shown.values())).shape[1]):
            one = entry.classes.add()
            if classes is not None:
                label = classes[row, column]
                one.label = label.decode(errors="replace") if isinstance(label, bytes) else str(label)
            if scores is not None:
                one.score = scores[row, column]
    return result


def regressions(outputs: Mapping[str, np.ndarray], count: int) -> "regression_pb2.RegressionResult":
    """The answer of Regress: a number for each example."""
    values = outputs.get(_OUTPUTS)
    if values is None or values.dtype.kind != "f" or values.shape not in ((count,), (count, 1)):
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
        raise _wrong(f"{_OUTPUTS} must be {count} numbers. Received: {shapes}")
    result = regression_pb2.RegressionResult()
    for value in values.ravel():
        result.regressions.add(value=value)
    return result


def _read_example(features: Any) -> "example_pb2.Example":
    if not isinstance(features, dict):
        raise invalid(f"Example must be JSON object but got {reprlib.repr(features)}")
    example = example_pb2.Example()
    for name, content in features.items():
        values = [_read_value(value, name) for value in (content if isinstance(content, list) else [content])]
        feature, kinds = example.features.feature[name], {_FEATURE_KINDS[type(value)] for value in values}
        if len(kinds) > 1:
            raise invalid(f"feature {name} must have values of one type. Received: {reprlib.repr(content)}")
        for kind in kinds:
            try:
                getattr(feature, kind).value.extend(values)
            except (ValueError, OverflowError) as error:
                raise invalid(f"feature {name} must fit into int64 or float32. Received: {error}") from error
    return example


def _read_value(value: Any, name: str) -> Any:
    try:
        if is_base64(value):
            return decode_base64(value[BASE64])
        if isinstance(value, str):
            return value.encode()
    except ValueError as error:
        raise invalid(f"feature {name} must be text or base64: {error}") from error
    if type(value) not in _FEATURE_KINDS:
        raise invalid(f"feature {name} must be numbers or text. Received: {reprlib.repr(value)}")
    return value


def _wrong(message: str) -> ServingError:
    """The model's fault, which TensorFlow Serving calls the request's."""
    return invalid(f"the signature's outputs can't be answered with: {message}")
