"""Signatures of a SavedModel, as server and client need them: names, types and shapes."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from nst_keras.serving.protocol.protos import meta_graph_pb2, tensor_pb2
from nst_keras.serving.protocol.status_codes import ServingError, invalid
from nst_keras.serving.protocol.tensors import TensorSpec, numpy_type

DEFAULT_SIGNATURE = "serving_default"
# Of models of pictures: one takes files, the other tells what the model is.
PICTURE_SIGNATURE, PICTURE, STYLE_WEIGHTS = "serve_image_bytes", "image_bytes", "style_weights"
DESCRIBE_SIGNATURE = "describe"
PREDICT_METHOD, CLASSIFY_METHOD, REGRESS_METHOD = (
    f"tensorflow/serving/{name}" for name in ("predict", "classify", "regress")
)


@dataclass(frozen=True)
class Signature:
    """One way to call a model: what it takes and what it returns, by name."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    defaults: "Mapping[str, tensor_pb2.TensorProto]" = field(default_factory=dict)  # of inputs, by gRPC alone

    def __str__(self) -> str:
        """As in a listing: (x: float32 [?, 3]) -> (y: float32 [?, 3])."""
        return f"({self.takes()}) -> ({_listed(self.outputs)})"

    def takes(self) -> str:
        """The inputs: x: float32 [?, 3]."""
        return _listed(self.inputs)

    def check(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Checks names, types and shapes."""
        self.check_names(inputs)
        for name, array in inputs.items():
            spec = self.inputs[name]
            if array.dtype != spec.dtype or not spec.accepts(array.shape):
                came = TensorSpec(array.dtype, array.shape)
                raise invalid(f"input {name} must be {spec}. Received: {came}")

    def check_names(self, names: Mapping[str, object]) -> None:
        """Checks that these are the names of all inputs."""
        if set(names) != set(self.inputs):
            expected, came = (", ".join(sorted(known)) or "none" for known in (self.inputs, names))
            raise invalid(f"inputs must be {expected}. Received: {came}")

    def check_outputs(self, names: Collection[str]) -> None:
        """Checks that these are names of outputs."""
        unknown = ", ".join(sorted(set(names) - set(self.outputs)))
        if unknown:
            raise invalid(f"output tensor alias not found in signature: {unknown}")


def read_signatures(definitions: Mapping[str, "meta_graph_pb2.SignatureDef"]) -> dict[str, Signature]:
    """Returns those signatures that can be called; all of them by Predict, whatever their method."""
    signatures = {}
    for name, definition in definitions.items():
        if definition.method_name in (PREDICT_METHOD, CLASSIFY_METHOD, REGRESS_METHOD):
            with suppress(ServingError):  # of a type that nobody can send
                inputs, outputs = _read_specs(definition.inputs), _read_specs(definition.outputs)
                signatures[name] = Signature(inputs, outputs, definition.defaults)
    return signatures


def find_signature(signatures: Mapping[str, Signature], name: str) -> Signature:
    """Returns a signature by name; empty is the default one."""
    name = name or DEFAULT_SIGNATURE
    if name not in signatures:
        there = ", ".join(sorted(signatures)) or "none"
        raise invalid(f'Serving signature name: "{name}" not found in signature def. There are: {there}')
    return signatures[name]


def _listed(specs: Mapping[str, TensorSpec]) -> str:
    return ", ".join(f"{name}: {spec}" for name, spec in specs.items())


def _read_specs(infos: Mapping[str, "meta_graph_pb2.TensorInfo"]) -> dict[str, TensorSpec]:
    return {name: _read_spec(infos[name]) for name in sorted(infos)}  # messages have no order


def _read_spec(info: "meta_graph_pb2.TensorInfo") -> TensorSpec:
    shape = info.tensor_shape
    sizes = tuple(None if dim.size < 0 else dim.size for dim in shape.dim)
    return TensorSpec(numpy_type(info.dtype), None if shape.unknown_rank else sizes)
