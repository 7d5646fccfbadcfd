"""A client of the gRPC API; it doesn't import TensorFlow."""

from collections.abc import Callable, Mapping
from typing import Any

import grpc
import numpy as np
from numpy.typing import ArrayLike

from nst_keras.errors import InputError
from nst_keras.serving.client.calls import SignatureCache, retrying
from nst_keras.serving.client.settings import CallSettings
from nst_keras.serving.protocol.model_spec import ModelSpec, VersionStatus
from nst_keras.serving.protocol.protos import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from nst_keras.serving.protocol.replies import SIGNATURE_FIELD, read_status_reply
from nst_keras.serving.protocol.signatures import DEFAULT_SIGNATURE, Signature, read_signatures
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.protocol.tensors import from_proto, to_proto

_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_retries", 0),  # they are made here, within one deadline
]


class GrpcClient:
    """Calls a model server by gRPC; may be used by several threads.

    Example:
        >>> client = GrpcClient("localhost:8500")  # doctest: +SKIP
        >>> client.predict(ModelSpec("half_plus_two"), {"x": [1.0, 2.0]})  # doctest: +SKIP
        {'y': array([2.5, 3. ], dtype=float32)}
    """

    def __init__(self, address: str, settings: CallSettings = CallSettings()) -> None:
        """Makes a client; nothing is sent yet.

        Args:
            address: Such as localhost:8500.
            settings: How long to try.
        """
        if "//" in address or ":" not in address:
            raise InputError(
                "address must be like localhost:8500 for gRPC, or for REST like http://localhost:8501. "
                f"Received: {address}"
            )
        self._settings = settings
        self._channel = grpc.insecure_channel(address, options=_OPTIONS)
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)
        self._cache = SignatureCache(self.signatures)

    def status(self, model: ModelSpec) -> list[VersionStatus]:
        """Returns what became of the model's versions, newest first."""
        request = get_model_status_pb2.GetModelStatusRequest()
        _write_spec(request.model_spec, model)
        return read_status_reply(self._call(self._models.GetModelStatus, request))

    def signatures(self, model: ModelSpec) -> dict[str, Signature]:
        """Returns the model's signatures by name."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=[SIGNATURE_FIELD])
        _write_spec(request.model_spec, model)
        reply = self._call(self._predictions.GetModelMetadata, request)
        definitions = get_model_metadata_pb2.SignatureDefMap()
        reply.metadata[SIGNATURE_FIELD].Unpack(definitions)
        return read_signatures(definitions.signature_def)

    def predict(
        self, model: ModelSpec, inputs: Mapping[str, ArrayLike], signature_name: str = DEFAULT_SIGNATURE
    ) -> dict[str, np.ndarray]:
        """Calls a signature.

        Args:
            model: The model.
            inputs: A value for each of the signature's inputs; bytes or text for strings.
            signature_name: The signature.

        Returns:
            Each output in its type, strings as bytes.
        """
        _, arrays = self._cache.prepare(model, signature_name, inputs)
        request = predict_pb2.PredictRequest()
        _write_spec(request.model_spec, model)
        request.model_spec.signature_name = signature_name
        for name, array in arrays.items():
            request.inputs[name].CopyFrom(to_proto(array))
        reply = self._call(self._predictions.Predict, request)
        return {name: from_proto(message) for name, message in reply.outputs.items()}

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        def attempt(seconds: float) -> Any:
            try:
                return method(request, timeout=seconds)
            except grpc.RpcError as error:
                raise ServingError(error.code().name, error.details() or "") from error

        return retrying(attempt, self._settings)


def _write_spec(message: "model_pb2.ModelSpec", model: ModelSpec) -> None:
    message.name = model.name
    if model.version:
        message.version.value = model.version
    elif model.label:
        message.version_label = model.label
