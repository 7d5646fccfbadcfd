"""The gRPC API: PredictionService and ModelService."""

import functools
import logging
from collections.abc import Callable
from typing import Any

import grpc

from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.protos import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from nst_keras.serving.protocol.replies import SIGNATURE_FIELD, metadata_reply, status_reply
from nst_keras.serving.protocol.signatures import Signature
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.protocol.tensors import from_proto, to_proto
from nst_keras.serving.server.predictor import Predictor

_log = logging.getLogger(__name__)


def _answering(method: Callable[..., Any]) -> Callable[..., Any]:
    """Turns errors into gRPC's."""

    @functools.wraps(method)
    def call(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except ServingError as error:
            code, text = grpc.StatusCode[error.code], str(error)
        except Exception:
            _log.exception("%s failed", method.__name__)
            code, text = grpc.StatusCode.INTERNAL, "internal error; the server's log has more"
        context.abort(code, text)

    return call


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; the rest is answered with UNIMPLEMENTED."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    @_answering
    def Predict(
        self, request: "predict_pb2.PredictRequest", context: grpc.ServicerContext
    ) -> "predict_pb2.PredictResponse":
        """Answers a request."""
        spec = _read_spec(request)
        with self._predictor.counted(spec, "GRPC"):
            return self._predict(spec, request, context)

    def _predict(
        self, spec: ModelSpec, request: "predict_pb2.PredictRequest", context: grpc.ServicerContext
    ) -> "predict_pb2.PredictResponse":
        most_bytes = self._predictor.settings.max_body_bytes

        def read(signature: Signature) -> dict[str, Any]:
            signature.check_names(request.inputs)
            return {name: from_proto(value, most_bytes=most_bytes) for name, value in request.inputs.items()}

        self._predictor.enter()
        try:
            prediction = self._predictor.predict(
                spec,
                request.model_spec.signature_name,
                read,
                only=request.output_filter,
                timeout=context.time_remaining(),
                is_wanted=context.is_active,
            )
        finally:
            self._predictor.leave()
        reply = predict_pb2.PredictResponse()
        _write_spec(reply.model_spec, spec.name, prediction.version, prediction.signature_name)
        for name, array in prediction.outputs.items():
            reply.outputs[name].CopyFrom(to_proto(array))
        return reply

    @_answering
    def GetModelMetadata(
        self, request: "get_model_metadata_pb2.GetModelMetadataRequest", context: grpc.ServicerContext
    ) -> "get_model_metadata_pb2.GetModelMetadataResponse":
        """Answers with the signatures."""
        spec = _read_spec(request)
        if list(request.metadata_field) != [SIGNATURE_FIELD]:
            asked = ", ".join(request.metadata_field) or "nothing"
            raise ServingError(
                "INVALID_ARGUMENT", f"metadata_field must be {SIGNATURE_FIELD}. Received: {asked}"
            )
        with self._predictor.models.lease(spec) as (version, model):
            return metadata_reply(spec.name, version, model.definitions)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus; a new configuration isn't taken from requests."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    @_answering
    def GetModelStatus(
        self, request: "get_model_status_pb2.GetModelStatusRequest", context: grpc.ServicerContext
    ) -> "get_model_status_pb2.GetModelStatusResponse":
        """Answers with what became of the versions."""
        return status_reply(self._predictor.models.statuses(_read_spec(request)))

    @_answering
    def HandleReloadConfigRequest(
        self, request: "model_management_pb2.ReloadConfigRequest", context: grpc.ServicerContext
    ) -> None:
        """Refuses: the request holds paths, and this server reads no path from a request."""
        raise ServingError(
            "UNIMPLEMENTED", "edit the file of --model_config_file instead: it is read again when it changes"
        )


def _read_spec(request: Any) -> ModelSpec:
    if not request.HasField("model_spec"):
        raise ServingError("INVALID_ARGUMENT", "Missing ModelSpec")
    spec: model_pb2.ModelSpec = request.model_spec
    version = spec.version.value if spec.HasField("version") else 0
    return ModelSpec(spec.name, version, spec.version_label)


def _write_spec(message: "model_pb2.ModelSpec", name: str, version: int, signature_name: str) -> None:
    message.name = name
    message.version.value = version
    message.signature_name = signature_name
