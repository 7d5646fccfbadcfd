"""The gRPC API, PredictionService and ModelService, on grpcio's server."""

import functools
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from nst_keras.errors import InputError
from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.protos import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_pb2,
)
from nst_keras.serving.protocol.replies import SIGNATURE_FIELD, metadata_reply, status_reply
from nst_keras.serving.protocol.status_codes import ServingError, code_of, invalid
from nst_keras.serving.server.access import Tls, Token
from nst_keras.serving.server.compute.answers import read_request
from nst_keras.serving.server.compute.worker import INTERNAL_ERROR
from nst_keras.serving.server.model_config import choose_models
from nst_keras.serving.server.predictor import Predictor
from nst_keras.web.body import BODIES
from nst_keras.web.errors import HttpError

_METHODS = {
    "PredictionService": ("Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata"),
    "ModelService": ("GetModelStatus", "HandleReloadConfigRequest"),
}
_SPARE_THREADS = 8  # beyond the predictor's capacity, for status, metadata and refusals

_log = logging.getLogger(__name__)


class GrpcServer:
    """Serves the gRPC API on `port` until it is stopped; an IPv6 host has brackets."""

    def __init__(self, predictor: Predictor, host: str, tls: Tls | None, token: Token) -> None:
        settings = predictor.settings
        threads = predictor.capacity + _SPARE_THREADS
        options = [
            ("grpc.max_receive_message_length", settings.max_body_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),  # otherwise a second server on the same port would share it silently
        ]
        pool = ThreadPoolExecutor(threads, thread_name_prefix="grpc")
        self._server = grpc.server(pool, options=options, maximum_concurrent_rpcs=2 * threads)
        services, self._health = _Services(predictor, token), _Health()
        for name, methods in _METHODS.items():
            handlers = {method: services.handler(method) for method in methods}
            handler = grpc.method_handlers_generic_handler(f"tensorflow.serving.{name}", handlers)
            self._server.add_generic_rpc_handlers((handler,))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        for name in _METHODS:
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


class _Services:
    """All methods of both services.

    They are from bytes to bytes: who computes an answer takes requests apart.
    """

    def __init__(self, predictor: Predictor, token: Token) -> None:
        self._predictor, self._token = predictor, token
        self._lock, self._held = threading.Lock(), 0  # bytes of all messages that are being answered

    def handler(self, method: str) -> grpc.RpcMethodHandler:
        """Answers calls of a method; to grpcio it is one of streams, whose messages are taken when wanted."""
        own = {
            "GetModelMetadata": self._metadata,
            "GetModelStatus": self._status,
            "HandleReloadConfigRequest": self._reload,
        }
        behavior = own.get(method) or functools.partial(self._ask, method)

        def call(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes | None:
            try:
                sent = dict(context.invocation_metadata()).get("authorization", "")
                self._token.check(sent if isinstance(sent, str) else "")
                data = self._read(messages, context)
                with self._holding(len(data)):
                    return behavior(data, context)
            except HttpError as error:
                code, text = getattr(error, "code", None) or code_of(error.http_status), str(error)
            except grpc.RpcError:
                raise  # the client has gone, or was cut off
            except Exception:
                _log.exception("%s failed", method)
                code, text = "INTERNAL", INTERNAL_ERROR
            context.abort(grpc.StatusCode[code], text)
            return None

        return grpc.stream_unary_rpc_method_handler(call)

    @contextmanager
    def _holding(self, size: int) -> Iterator[None]:
        """Refuses a message that is too much beside the others, as HTTP does with bodies."""
        with self._lock:
            if self._held + size > BODIES * self._predictor.settings.max_body_bytes:
                raise ServingError("RESOURCE_EXHAUSTED", "too many large requests at once; try again later")
            self._held += size
        try:
            yield
        finally:
            with self._lock:
                self._held -= size

    def _read(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        """The one message of a call; whoever doesn't send it in time is cut off."""
        timer = threading.Timer(self._predictor.settings.read_timeout, context.cancel)
        timer.daemon = True
        timer.start()
        try:
            return next(messages)
        except StopIteration:
            raise invalid("a request must be sent. Received: nothing") from None
        finally:
            timer.cancel()

    def _ask(self, method: str, data: bytes, context: grpc.ServicerContext) -> bytes:
        request = read_request(method, data)
        tasks = getattr(request, "tasks", ())
        if method == "MultiInference" and not tasks:
            raise invalid("a request must have tasks. Received: none")
        spec = _read_spec((tasks[0] if tasks else request).model_spec)
        del request
        with self._predictor.counted(spec, method, "GRPC"):
            self._predictor.enter()
            try:
                return self._predictor.answer(
                    spec, method, data, timeout=context.time_remaining(), is_wanted=context.is_active
                )
            finally:
                self._predictor.leave()

    def _metadata(self, data: bytes, _: grpc.ServicerContext) -> bytes:
        request = _parse(get_model_metadata_pb2.GetModelMetadataRequest, data)
        spec = _read_spec(request.model_spec)
        if list(request.metadata_field) != [SIGNATURE_FIELD]:
            asked = ", ".join(request.metadata_field) or "nothing"
            raise invalid(f"metadata_field must be {SIGNATURE_FIELD}. Received: {asked}")
        with self._predictor.models.lease(spec) as (version, model):
            return bytes(metadata_reply(spec.name, version, model.definitions).SerializeToString())

    def _status(self, data: bytes, _: grpc.ServicerContext) -> bytes:
        request = _parse(get_model_status_pb2.GetModelStatusRequest, data)
        statuses = self._predictor.models.statuses(_read_spec(request.model_spec))
        return bytes(status_reply(statuses).SerializeToString())

    def _reload(self, data: bytes, _: grpc.ServicerContext) -> bytes:
        request = _parse(model_management_pb2.ReloadConfigRequest, data)
        if not self._predictor.settings.allow_reload_config:
            # The request holds paths.
            raise ServingError(
                "UNIMPLEMENTED",
                "edit the file of --model_config_file instead, which is read again when it changes, or start "
                "the server with --allow_reload_config",
            )
        try:
            configs = choose_models(request.config, "the request")
        except InputError as error:
            raise invalid(str(error)) from error
        self._predictor.models.reload(configs)
        return bytes(model_management_pb2.ReloadConfigResponse().SerializeToString())


def _parse(kind: Any, data: bytes) -> Any:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise invalid(f"the request is no {kind.__name__}: {error}") from error


def _read_spec(spec: "model_pb2.ModelSpec") -> ModelSpec:
    if not spec.name:
        raise invalid("Missing ModelSpec")
    version = spec.version.value if spec.HasField("version") else None
    return ModelSpec(spec.name, version, spec.version_label)
