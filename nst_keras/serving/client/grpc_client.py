"""A client of the gRPC API; it doesn't import TensorFlow."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from nst_keras.errors import InputError
from nst_keras.serving.client.client import Client
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
from nst_keras.serving.protocol.signatures import Signature, read_signatures
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.protocol.tensors import from_proto, to_proto

_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_retries", 0),  # they are made here, within one deadline
]


class GrpcClient(Client):
    """A client by gRPC, of an address such as localhost:8500."""

    def __init__(self, address: str, settings: CallSettings = CallSettings()) -> None:
        super().__init__(settings)
        if "//" in address or ":" not in address:
            expected = "like localhost:8500 for gRPC, or for REST like http://localhost:8501"
            raise InputError(f"address must be {expected}. Received: {address}")
        self._metadata = tuple(settings.authorization().items())
        if settings.tls():  # which has looked at the files
            paths = settings.ca_file, settings.client_key, settings.client_certificate
            files = (Path(path).read_bytes() if path else None for path in paths)
            self._channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(*files), _OPTIONS)
        else:
            self._channel = grpc.insecure_channel(address, options=_OPTIONS)
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def status(self, model: ModelSpec) -> list[VersionStatus]:
        """See `Client`."""
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=_to_proto(model))
        return read_status_reply(self._call(self._models.GetModelStatus, request))

    def signatures(self, model: ModelSpec) -> dict[str, Signature]:
        """See `Client`."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=_to_proto(model), metadata_field=[SIGNATURE_FIELD]
        )
        reply = self._call(self._predictions.GetModelMetadata, request)
        definitions = get_model_metadata_pb2.SignatureDefMap()
        reply.metadata[SIGNATURE_FIELD].Unpack(definitions)
        return read_signatures(definitions.signature_def)

    def _send(
        self, model: ModelSpec, signature_name: str, signature: Signature, arrays: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        request = predict_pb2.PredictRequest(model_spec=_to_proto(model))
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
                return method(request, timeout=seconds, metadata=self._metadata)
            except grpc.RpcError as error:
                raise ServingError(error.code().name, error.details() or "") from error

        return self._retrying(attempt)


def _to_proto(model: ModelSpec) -> "model_pb2.ModelSpec":
    message = model_pb2.ModelSpec(name=model.name)
    if model.version is not None:
        message.version.value = model.version
    elif model.label:
        message.version_label = model.label
    return message
