"""The gRPC API, PredictionService and ModelService, on grpcio's server."""

import functools
import logging
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from nst_keras.errors import InputError
from nst_keras.serving.protocol.examples import classifications, read_examples, regressions
from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.protos import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    input_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)
from nst_keras.serving.protocol.replies import SIGNATURE_FIELD, metadata_reply, status_reply
from nst_keras.serving.protocol.signatures import CLASSIFY_METHOD, REGRESS_METHOD, Signature
from nst_keras.serving.protocol.status_codes import ServingError, invalid
from nst_keras.serving.protocol.tensors import from_proto, to_proto
from nst_keras.serving.server.model_config import choose_models
from nst_keras.serving.server.predictor import Prediction, Predictor
from nst_keras.serving.server.tls import Tls

_SPARE_THREADS = 8  # beyond the predictor's capacity, for status, metadata and refusals

_log = logging.getLogger(__name__)


class GrpcServer:
    """Serves the gRPC API on `port` until it is stopped; an IPv6 host has brackets."""

    def __init__(self, predictor: Predictor, host: str, tls: Tls | None) -> None:
        settings = predictor.settings
        threads = predictor.capacity + _SPARE_THREADS
        options = [
            ("grpc.max_receive_message_length", settings.max_body_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),  # otherwise a second server on the same port would share it silently
        ]
        pool = ThreadPoolExecutor(threads, thread_name_prefix="grpc")
        self._server = grpc.server(pool, options=options, maximum_concurrent_rpcs=2 * threads)
        services, self._health = _Services(predictor), _Health()
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(services, self._server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(services, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        for name in ("PredictionService", "ModelService"):
            for full_name in (name, f"tensorflow.serving.{name}"):
                self._health.set(full_name, health_pb2.HealthCheckResponse.SERVING)
        address = f"{host}:{settings.port}"
        try:
            if tls:
                self.port: int = self._server.add_secure_port(address, tls.credentials())
            else:
                self.port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise InputError(f"{settings.host}:{settings.port}: cannot be listened on") from error
        self._drain_seconds = settings.drain_seconds
        self._server.start()

    def begin_stop(self) -> threading.Event:
        """Takes no more requests; the event is set when the last one is answered, or the time is over."""
        self._health.enter_graceful_shutdown()
        return self._server.stop(self._drain_seconds)


class _Health(health.HealthServicer):
    """grpc.health.v1, but for its endless streams, of which a few would fill the server."""

    def Watch(self, request: Any, context: grpc.ServicerContext, *_: Any) -> None:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "only Check is offered")


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
    """All methods of both; SessionRun, which TensorFlow Serving has no more either, is UNIMPLEMENTED."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    @_answering
    def Predict(
        self, request: "predict_pb2.PredictRequest", context: grpc.ServicerContext
    ) -> "predict_pb2.PredictResponse":
        most_bytes = self._predictor.settings.max_body_bytes

        def read(signature: Signature) -> dict[str, Any]:
            values = {**signature.defaults, **request.inputs}
            signature.check_names(values)
            return {name: from_proto(value, most_bytes=most_bytes) for name, value in values.items()}

        with self._predictor.counted(_read_spec(request.model_spec), "Predict", "GRPC"):
            prediction = self._predict(request.model_spec, read, context, request.output_filter)
            reply = predict_pb2.PredictResponse(model_spec=_answered(request.model_spec, prediction))
            packed = self._predictor.settings.enable_serialization_as_tensor_content
            for name, array in prediction.outputs.items():
                reply.outputs[name].CopyFrom(to_proto(array, packed=packed))
            return reply

    @_answering
    def Classify(
        self, request: "classification_pb2.ClassificationRequest", context: grpc.ServicerContext
    ) -> "classification_pb2.ClassificationResponse":
        with self._predictor.counted(_read_spec(request.model_spec), "Classify", "GRPC"):
            spec, result = self._ask_about_examples(request, request.input, classifications, context)
            return classification_pb2.ClassificationResponse(model_spec=spec, result=result)

    @_answering
    def Regress(
        self, request: "regression_pb2.RegressionRequest", context: grpc.ServicerContext
    ) -> "regression_pb2.RegressionResponse":
        with self._predictor.counted(_read_spec(request.model_spec), "Regress", "GRPC"):
            spec, result = self._ask_about_examples(request, request.input, regressions, context)
            return regression_pb2.RegressionResponse(model_spec=spec, result=result)

    @_answering
    def MultiInference(
        self, request: "inference_pb2.MultiInferenceRequest", context: grpc.ServicerContext
    ) -> "inference_pb2.MultiInferenceResponse":
        reply = inference_pb2.MultiInferenceResponse()
        if not request.tasks:
            raise invalid("a request must have tasks. Received: none")
        for task in request.tasks:
            if task.method_name not in _TASKS:
                raise ServingError("UNIMPLEMENTED", f"Unsupported signature method_name: {task.method_name}")
            field, answer = _TASKS[task.method_name]
            with self._predictor.counted(_read_spec(task.model_spec), "MultiInference", "GRPC"):
                spec, result = self._ask_about_examples(task, request.input, answer, context)
            getattr(reply.results.add(model_spec=spec), field).CopyFrom(result)
        return reply

    def _ask_about_examples(
        self, request: Any, examples: "input_pb2.Input", answer: Callable[..., Any], context: Any
    ) -> tuple[Any, Any]:
        """Who answered, and the answer that is made of outputs and the number of examples."""
        _read_spec(request.model_spec)
        count = len(examples.example_list.examples) or len(examples.example_list_with_context.examples)
        read = functools.partial(read_examples, examples)
        prediction = self._predict(request.model_spec, read, context)
        return _answered(request.model_spec, prediction), answer(prediction.outputs, count)

    def _predict(
        self,
        spec: "model_pb2.ModelSpec",
        read: Callable[[Signature], dict[str, Any]],
        context: grpc.ServicerContext,
        only: Collection[str] = (),
    ) -> Prediction:
        self._predictor.enter()
        try:
            return self._predictor.predict(
                _read_spec(spec),
                spec.signature_name,
                read,
                only=only,
                timeout=context.time_remaining(),
                is_wanted=context.is_active,
            )
        finally:
            self._predictor.leave()

    @_answering
    def GetModelMetadata(
        self, request: "get_model_metadata_pb2.GetModelMetadataRequest", context: grpc.ServicerContext
    ) -> "get_model_metadata_pb2.GetModelMetadataResponse":
        spec = _read_spec(request.model_spec)
        if list(request.metadata_field) != [SIGNATURE_FIELD]:
            asked = ", ".join(request.metadata_field) or "nothing"
            raise invalid(f"metadata_field must be {SIGNATURE_FIELD}. Received: {asked}")
        with self._predictor.models.lease(spec) as (version, model):
            return metadata_reply(spec.name, version, model.definitions)

    @_answering
    def GetModelStatus(
        self, request: "get_model_status_pb2.GetModelStatusRequest", context: grpc.ServicerContext
    ) -> "get_model_status_pb2.GetModelStatusResponse":
        return status_reply(self._predictor.models.statuses(_read_spec(request.model_spec)))

    @_answering
    def HandleReloadConfigRequest(
        self, request: "model_management_pb2.ReloadConfigRequest", context: grpc.ServicerContext
    ) -> "model_management_pb2.ReloadConfigResponse":
        if not self._predictor.settings.allow_reload_config:
            # The request holds paths.
            raise ServingError(
                "UNIMPLEMENTED",
                "edit the file of --model_config_file instead, which is read again when it changes, or start "
                "the server with --allow_reload_config",
            )
        try:
            self._predictor.models.reload(choose_models(request.config, "the request"))
        except InputError as error:
            raise invalid(str(error)) from error
        return model_management_pb2.ReloadConfigResponse()


_TASKS = {
    CLASSIFY_METHOD: ("classification_result", classifications),
    REGRESS_METHOD: ("regression_result", regressions),
}


def _read_spec(spec: "model_pb2.ModelSpec") -> ModelSpec:
    if not spec.name:
        raise invalid("Missing ModelSpec")
    version = spec.version.value if spec.HasField("version") else None
    return ModelSpec(spec.name, version, spec.version_label)


def _answered(spec: "model_pb2.ModelSpec", prediction: Prediction) -> "model_pb2.ModelSpec":
    """Who answered."""
    answered = model_pb2.ModelSpec(name=spec.name, signature_name=prediction.signature_name)
    answered.version.value = prediction.version
    return answered
