"""The gRPC API, PredictionService and ModelService, on grpcio's server."""

import functools
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from nst_keras.errors import InputError
from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.protos import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from nst_keras.serving.protocol.replies import SIGNATURE_FIELD, metadata_reply, status_reply
from nst_keras.serving.protocol.signatures import Signature
from nst_keras.serving.protocol.status_codes import ServingError, invalid
from nst_keras.serving.protocol.tensors import from_proto, to_proto
from nst_keras.serving.server.predictor import Predictor

_SPARE_THREADS = 8  # beyond the predictor's capacity, for status, metadata and refusals

_log = logging.getLogger(__name__)


def start_grpc(predictor: Predictor, host: str) -> tuple[grpc.Server, int]:
    """Serves the gRPC API until the server is stopped; returns that and its port. IPv6 has brackets."""
    settings = predictor.settings
    threads = predictor.capacity + _SPARE_THREADS
    options = [
        ("grpc.max_receive_message_length", settings.max_body_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # otherwise a second server on the same port would share it silently
    ]
    pool = ThreadPoolExecutor(threads, thread_name_prefix="grpc")
    server = grpc.server(pool, options=options, maximum_concurrent_rpcs=2 * threads)
    services = _Services(predictor)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(services, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(services, server)
    try:
        port = server.add_insecure_port(f"{host}:{settings.port}")
    except RuntimeError as error:
        raise InputError(f"{settings.host}:{settings.port}: cannot be listened on") from error
    server.start()
    return server, port


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


class _Services(
    prediction_service_pb2_grpc.PredictionServiceServicer, model_service_pb2_grpc.ModelServiceServicer
):
    """Predict, GetModelMetadata and GetModelStatus; the other methods are answered with UNIMPLEMENTED."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    @_answering
    def Predict(
        self, request: "predict_pb2.PredictRequest", context: grpc.ServicerContext
    ) -> "predict_pb2.PredictResponse":
        spec, most_bytes = _read_spec(request), self._predictor.settings.max_body_bytes

        def read(signature: Signature) -> dict[str, Any]:
            signature.check_names(request.inputs)
            return {name: from_proto(value, most_bytes=most_bytes) for name, value in request.inputs.items()}

        with self._predictor.counted(spec, "GRPC"):
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
            reply.model_spec.name, reply.model_spec.signature_name = spec.name, prediction.signature_name
            reply.model_spec.version.value = prediction.version
            for name, array in prediction.outputs.items():
                reply.outputs[name].CopyFrom(to_proto(array))
            return reply

    @_answering
    def GetModelMetadata(
        self, request: "get_model_metadata_pb2.GetModelMetadataRequest", context: grpc.ServicerContext
    ) -> "get_model_metadata_pb2.GetModelMetadataResponse":
        spec = _read_spec(request)
        if list(request.metadata_field) != [SIGNATURE_FIELD]:
            asked = ", ".join(request.metadata_field) or "nothing"
            raise invalid(f"metadata_field must be {SIGNATURE_FIELD}. Received: {asked}")
        with self._predictor.models.lease(spec) as (version, model):
            return metadata_reply(spec.name, version, model.definitions)

    @_answering
    def GetModelStatus(
        self, request: "get_model_status_pb2.GetModelStatusRequest", context: grpc.ServicerContext
    ) -> "get_model_status_pb2.GetModelStatusResponse":
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
        raise invalid("Missing ModelSpec")
    spec = request.model_spec
    return ModelSpec(spec.name, spec.version.value, spec.version_label)
