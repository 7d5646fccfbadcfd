"""Requests to Predict and their answers as the REST API writes them, in rows or in columns.

Rules as in TensorFlow Serving's api_rest.md.
"""

import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from nst_keras.serving.protocol.json_tensors import is_base64, to_array, to_json
from nst_keras.serving.protocol.signatures import Signature
from nst_keras.serving.protocol.status_codes import invalid


def read_inputs(document: Mapping[str, Any], signature: Signature) -> dict[str, np.ndarray]:
    """Returns the inputs in a request: in rows ("instances") or in columns ("inputs")."""
    rows, columns = "instances" in document, "inputs" in document
    if rows and columns:
        raise invalid("a request must have 'instances' or 'inputs'. Received: both")
    if rows:
        values = _columns(document["instances"], signature)
    elif columns:
        values = document["inputs"]
        if not isinstance(values, dict) or is_base64(values):
            values = {_only_input(signature, "inputs"): values}
        if signature.inputs.keys() <= values.keys():
            # Others are left alone, as TensorFlow Serving does.
            values = {name: values[name] for name in signature.inputs}
    else:
        raise invalid("Missing 'inputs' or 'instances' key")
    signature.check_names(values)
    return {name: to_array(value, signature.inputs[name], name) for name, value in values.items()}


def write_outputs(outputs: Mapping[str, np.ndarray], *, rows: bool) -> dict[str, Any]:
    """Returns the outputs as a request's answer has them; a single one loses its name."""
    values = {name: to_json(array, name) for name, array in outputs.items()}
    if not rows:
        return {"outputs": values if len(values) != 1 else next(iter(values.values()))}
    sizes = {name: array.shape[0] if array.ndim else None for name, array in outputs.items()}
    if None in sizes.values() or len(set(sizes.values())) > 1:
        rows_of = ", ".join(f"{name} {size or 'none'}" for name, size in sizes.items())
        expected = "outputs must have one row for each instance; use 'inputs' instead"
        raise invalid(f"{expected}. Received: {rows_of}")
    if len(values) == 1:
        return {"predictions": next(iter(values.values()))}
    lists = zip(*values.values(), strict=True)
    return {"predictions": [dict(zip(values, row, strict=True)) for row in lists]}


def _columns(instances: Any, signature: Signature) -> dict[str, Any]:
    if not isinstance(instances, list) or not instances:
        raise invalid(f"'instances' must be a list with values. Received: {reprlib.repr(instances)}")
    if not isinstance(instances[0], dict) or is_base64(instances[0]):
        return {_only_input(signature, "instances"): instances}
    columns: dict[str, list[Any]] = {name: [] for name in signature.inputs}
    for number, instance in enumerate(instances):
        if not isinstance(instance, dict) or instance.keys() != columns.keys():
            expected = f"the keys {', '.join(sorted(columns)) or 'none'}"
            raise invalid(f"instances[{number}] must have {expected}. Received: {reprlib.repr(instance)}")
        for name, value in instance.items():
            columns[name].append(value)
    return columns


def _only_input(signature: Signature, key: str) -> str:
    if len(signature.inputs) != 1:
        raise invalid(f"'{key}' must name the inputs: {', '.join(sorted(signature.inputs)) or 'none'}")
    return next(iter(signature.inputs))
