"""Answers requests from both APIs within the server's limits."""

import functools
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.signatures import (
    DEFAULT_SIGNATURE,
    DESCRIBE_SIGNATURE,
    Signature,
    find_signature,
)
from nst_keras.serving.protocol.status_codes import ServingError, code_of
from nst_keras.serving.server.batching import Batcher
from nst_keras.serving.server.loaded_model import LoadedModel
from nst_keras.serving.server.metrics import Metrics
from nst_keras.serving.server.models import Models
from nst_keras.serving.server.settings import ServerSettings
from nst_keras.web.errors import HttpError


@dataclass(frozen=True)
class Prediction:
    """An answer: the version that gave it, the signature that was called, and its outputs by name."""

    version: int
    signature_name: str
    outputs: Mapping[str, np.ndarray]


class Predictor:
    """Lets `capacity` requests in, which wait or are computed, and joins those that it may."""

    def __init__(self, settings: ServerSettings, models: Models, metrics: Metrics) -> None:
        self.settings, self.models, self.metrics = settings, models, metrics
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

    def predict(
        self,
        spec: ModelSpec,
        signature_name: str,
        read: Callable[[Signature], dict[str, np.ndarray]],
        *,
        only: Collection[str] = (),
        timeout: float | None = None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Prediction:
        """Answers a request that has a place; `read` takes its inputs by the signature.

        Without `only`, all outputs are returned. A worker is waited for as many seconds as the settings say,
        or `timeout` if that is less; before it begins, `is_wanted` says whether the client still waits.
        """
        longest = self.settings.request_timeout
        deadline = time.monotonic() + (longest if timeout is None else min(timeout, longest))
        signature_name = signature_name or DEFAULT_SIGNATURE
        with self.models.lease(spec) as (version, model):
            signature = find_signature(model.signatures, signature_name)
            try:
                inputs = read(signature)
                signature.check(inputs)
            except ServingError as error:
                raise ServingError(
                    error.code, f"{error}{_other_signatures(model, signature_name)}"
                ) from error
            signature.check_outputs(only)
            compute = functools.partial(model.run, signature_name)
            if self._batcher and _has_rows(signature, inputs):
                shapes = tuple(sorted((name, array.shape[1:]) for name, array in inputs.items()))
                key = id(model), signature_name, shapes
                outputs = self._batcher.run(key, inputs, compute, deadline)
            else:
                with self._worker(deadline):
                    if not is_wanted():
                        raise ServingError("CANCELLED", "the client has gone")
                    outputs = compute(inputs)
        wanted = {name: array for name, array in outputs.items() if not only or name in only}
        return Prediction(version, signature_name, wanted)

    @contextmanager
    def _worker(self, deadline: float) -> Iterator[None]:
        if not self._workers.acquire(timeout=max(0, deadline - time.monotonic())):
            raise ServingError("DEADLINE_EXCEEDED", "no worker was free in time")
        try:
            yield
        finally:
            self._workers.release()


def _other_signatures(model: LoadedModel, signature_name: str) -> str:
    """What to say to somebody who perhaps meant another signature than the default one."""
    others = [
        f"{name}({signature.takes()})"
        for name, signature in sorted(model.signatures.items())
        if name not in (DEFAULT_SIGNATURE, DESCRIBE_SIGNATURE)
    ]
    if signature_name != DEFAULT_SIGNATURE or not others:
        return ""
    return f". This was for {DEFAULT_SIGNATURE}; a request's signature_name can name {', '.join(others)}"


def _has_rows(signature: Signature, inputs: Mapping[str, np.ndarray]) -> bool:
    """Whether the signature takes and returns any number of rows, the same for all inputs."""
    specs = [*signature.inputs.values(), *signature.outputs.values()]
    free = all(spec.shape is not None and spec.shape[:1] == (None,) for spec in specs)
    return free and len({len(array) for array in inputs.values()}) == 1
