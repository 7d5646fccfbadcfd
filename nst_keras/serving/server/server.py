"""A model server for laptops, tests and demos, with TensorFlow Serving's two APIs over one set of models."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from nst_keras.serving.server.access import Tls, Token
from nst_keras.serving.server.compute.workers import Workers
from nst_keras.serving.server.grpc_server import GrpcServer
from nst_keras.serving.server.metrics import Metrics
from nst_keras.serving.server.models import Models
from nst_keras.serving.server.predictor import Predictor
from nst_keras.serving.server.request_logger import RequestLog
from nst_keras.serving.server.rest import RestApi
from nst_keras.serving.server.settings import ServerSettings
from nst_keras.web.server import HttpServer

if TYPE_CHECKING:
    from nst_keras.serving.server.compute.loaded_model import LoadedModel


def _load_here(folder: Path) -> "LoadedModel":
    from nst_keras.serving.server.compute.loaded_model import LoadedModel

    return LoadedModel(folder)


class ModelServer:
    """Loads the models, then listens at `rest_address` and `grpc_address`, until it is stopped.

    Raises:
        InputError: If the models' folder can't be read, or an address can't be had.
    """

    def __init__(self, settings: ServerSettings = ServerSettings()) -> None:
        self.settings = settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        with contextlib.ExitStack() as undo:
            files = settings.tls_certificate, settings.tls_key, settings.tls_client_authority
            token = Token(settings.token_file)
            tls = Tls(*files) if settings.tls_certificate else None
            self._workers = Workers(settings) if settings.has_workers else None
            if self._workers:
                undo.callback(self._workers.close)
            self.models = Models(settings, self._workers.load if self._workers else _load_here)
            undo.callback(self.models.close)
            metrics = Metrics()
            self._log = RequestLog(settings, metrics) if settings.request_log else None
            if self._log:
                undo.callback(self._log.close)
            self._predictor = Predictor(settings, self.models, metrics, self._log)
            self._api = RestApi(self._predictor, token)
            self._grpc = GrpcServer(self._predictor, host, tls, token)
            undo.callback(lambda: self._grpc.begin_stop().wait())
            self._http = HttpServer(
                self._api,
                settings.host,
                settings.rest_api_port,
                read_timeout=settings.read_timeout,
                write_timeout=settings.write_timeout,
                max_connections=settings.max_connections,
                drain_seconds=settings.drain_seconds,
                tls=tls.context() if tls else None,
            )
            undo.pop_all()
        scheme = "https" if tls else "http"
        self.rest_address, self.grpc_address = (
            f"{scheme}://{host}:{self._http.port}",
            f"{host}:{self._grpc.port}",
        )

    def worker_pids(self) -> list[int]:
        """Numbers of the processes that compute; none if it is done in this one."""
        return self._workers.pids() if self._workers else []

    def is_idle(self) -> bool:
        """Whether no request to Predict is being answered."""
        return self._predictor.is_idle()

    def stop(self) -> bool:
        """Takes no more requests, finishes those that there are, and lets go of the models.

        Returns whether all were finished within the time to drain.
        """
        self._http.begin_stop()
        grpc_stopped = self._grpc.begin_stop()
        self._http.wait()
        grpc_stopped.wait()
        self._api.close()
        self.models.close()
        is_idle = self.is_idle()
        if self._workers:
            self._workers.close()
        if self._log:
            self._log.close()
        return is_idle

    def __enter__(self) -> "ModelServer":
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stops."""
        self.stop()
