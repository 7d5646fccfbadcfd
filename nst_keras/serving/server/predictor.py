"""Answers requests from both APIs within the server's limits."""

import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.signatures import Signature
from nst_keras.serving.protocol.status_codes import ServingError, code_of
from nst_keras.serving.server.compute.answers import Job, answer
from nst_keras.serving.server.compute.batching import Batcher
from nst_keras.serving.server.compute.workers import RemoteModel
from nst_keras.serving.server.metrics import Metrics
from nst_keras.serving.server.models import Models
from nst_keras.serving.server.request_logger import RequestLog
from nst_keras.serving.server.settings import ServerSettings
from nst_keras.web.errors import HttpError

if TYPE_CHECKING:
    from nst_keras.serving.server.compute.loaded_model import LoadedModel


class Predictor:
    """Lets `capacity` requests in, which wait or are computed, and joins those that it may."""

    def __init__(
        self, settings: ServerSettings, models: Models, metrics: Metrics, log: RequestLog | None = None
    ) -> None:
        self.settings, self.models, self.metrics, self._log = settings, models, metrics, log
        self.capacity = settings.queue_size + settings.num_workers
        self._inside, self._lock = 0, threading.Lock()
        self._workers = threading.BoundedSemaphore(settings.num_workers)
        self._batcher: Batcher | None = None
        if settings.batch_timeout:
            self._batcher = Batcher(settings.max_batch_size, settings.batch_timeout / 1000, self._worker)

    def enter(self) -> None:
        """Takes a place for a request, which `leave` gives back."""
        with self._lock:
            if self._inside >= self.capacity:
                message = f"the queue is full: {self.capacity} requests are being answered; try again later"
                raise ServingError("RESOURCE_EXHAUSTED", message)
            self._inside += 1

    def leave(self) -> None:
        """Gives back the place of a request."""
        with self._lock:
            self._inside -= 1

    def is_idle(self) -> bool:
        """Whether no request is inside."""
        return not self._inside

    @contextmanager
    def counted(self, spec: ModelSpec, method: str, interface: str) -> Iterator[None]:
        """Counts the request that the block answers by "REST" or "GRPC", with its time and how it ended.

        A model that isn't served isn't counted: clients could invent any number of names.
        """
        began, code = time.monotonic(), "OK"
        try:
            yield
        except ServingError as error:
            code = error.code
            raise
        except HttpError as error:
            code = code_of(error.http_status)
            raise
        except Exception:
            code = "INTERNAL"
            raise
        finally:
            if spec.name in self.models.names():
                self.metrics.count(spec.name, code, time.monotonic() - began, method, interface)

    def answer(
        self,
        spec: ModelSpec,
        method: str,
        request: bytes,
        *,
        timeout: float | None = None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> bytes:
        """Answers a request that has a place, in the form in which it came.

        A worker is waited for as many seconds as the settings say, or `timeout` if that is less; before it
        begins, `is_wanted` says whether the client still waits.
        """
        longest = self.settings.request_timeout
        deadline = time.monotonic() + (longest if timeout is None else min(timeout, longest))
        with self.models.lease(spec) as (version, model):
            job = Job(method, request, spec.name, version)
            if isinstance(model, RemoteModel):
                reply = model.ask(job, deadline, is_wanted)
            else:
                run = functools.partial(self._run, model, deadline, is_wanted)
                reply = answer(job, model.signatures, run, self.settings)
        if self._log:
            self._log.offer(job)
        return reply

    def _run(
        self,
        model: "LoadedModel",
        deadline: float,
        is_wanted: Callable[[], bool],
        signature_name: str,
        inputs: dict[str, np.ndarray],
    ) -> dict[str, np.ndarray]:
        """Calls a signature in this process, perhaps with others' inputs."""
        compute = functools.partial(model.run, signature_name)
        if self._batcher and _has_rows(model.signatures[signature_name], inputs):
            shapes = tuple(sorted((name, array.shape[1:]) for name, array in inputs.items()))
            return self._batcher.run((id(model), signature_name, shapes), inputs, compute, deadline)
        with self._worker(deadline):
            if not is_wanted():
                raise ServingError("CANCELLED", "the client has gone")
            return compute(inputs)

    @contextmanager
    def _worker(self, deadline: float) -> Iterator[None]:
        if not self._workers.acquire(timeout=max(0, deadline - time.monotonic())):
            raise ServingError("DEADLINE_EXCEEDED", "no worker was free in time")
        try:
            yield
        finally:
            self._workers.release()


def _has_rows(signature: Signature, inputs: Mapping[str, np.ndarray]) -> bool:
    """Whether the signature takes and returns any number of rows, the same for all inputs."""
    specs = [*signature.inputs.values(), *signature.outputs.values()]
    free = all(spec.shape is not None and spec.shape[:1] == (None,) for spec in specs)
    return free and len({len(array) for array in inputs.values()}) == 1
