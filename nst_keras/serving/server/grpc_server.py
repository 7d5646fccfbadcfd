"""grpcio's server with both services."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

from nst_keras.errors import InputError
from nst_keras.serving.protocol.protos import model_service_pb2_grpc, prediction_service_pb2_grpc
from nst_keras.serving.server.grpc_api import ModelService, PredictionService
from nst_keras.serving.server.predictor import Predictor

_SPARE_THREADS = 8  # beyond the predictor's capacity, for status, metadata and refusals


class GrpcServer:
    """Serves the gRPC API until stopped.

    Attributes:
        port: The port that it listens on.
    """

    def __init__(self, predictor: Predictor) -> None:
        """Starts listening."""
        settings = predictor.settings
        threads = predictor.capacity + _SPARE_THREADS
        options = [
            ("grpc.max_receive_message_length", settings.max_body_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),  # otherwise a second server on the same port would share it silently
        ]
        self._server = grpc.server(
            ThreadPoolExecutor(threads, thread_name_prefix="grpc"),
            options=options,
            maximum_concurrent_rpcs=2 * threads,
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionService(predictor), self._server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(predictor), self._server)
        address = f"[{settings.host}]" if ":" in settings.host else settings.host
        try:
            self.port: int = self._server.add_insecure_port(f"{address}:{settings.port}")
        except RuntimeError as error:
            raise InputError(f"{settings.host}:{settings.port}: cannot be listened on") from error
        self._server.start()
        self._drain_seconds = settings.drain_seconds

    def begin_stop(self) -> Callable[[], None]:
        """Takes no more requests; returns what waits until the last answer is out or the time is over."""
        stopped = self._server.stop(self._drain_seconds)
        return lambda: stopped.wait() and None
