"""A client of model servers, TensorFlow Serving's or ours; it doesn't import TensorFlow."""

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from nst_keras.errors import InputError
from nst_keras.serving.client.settings import CallSettings
from nst_keras.serving.protocol.model_spec import ModelSpec, VersionStatus
from nst_keras.serving.protocol.signatures import DEFAULT_SIGNATURE, Signature, find_signature
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.protocol.tensors import TensorSpec

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0  # seconds between tries; each is up to twice the one before

_T = TypeVar("_T")


class Client(ABC):
    """Calls a model server; may be used by several threads.

    All methods raise `ServingError`, with gRPC's code, if the server refuses or can't be reached.

    Example:
        >>> client = connect("localhost:8500")  # doctest: +SKIP
        >>> client.predict(ModelSpec("half_plus_two"), {"x": [1.0, 2.0]})  # doctest: +SKIP
        {'y': array([2.5, 3. ], dtype=float32)}
    """

    def __init__(self, settings: CallSettings = CallSettings()) -> None:
        self._settings = settings
        self._known: dict[ModelSpec, dict[str, Signature]] = {}

    @abstractmethod
    def status(self, model: ModelSpec) -> list[VersionStatus]:
        """Returns what became of the model's versions, newest first."""

    @abstractmethod
    def signatures(self, model: ModelSpec) -> dict[str, Signature]:
        """Returns the model's signatures by name."""

    def predict(
        self, model: ModelSpec, inputs: Mapping[str, ArrayLike], signature_name: str = DEFAULT_SIGNATURE
    ) -> dict[str, np.ndarray]:
        """Calls a signature with a value for each of its inputs; bytes or text for strings, bytes returned.

        Raises:
            InputError: If the inputs aren't what the signature takes.
        """
        try:
            signature, arrays = _prepare(self._known[model], signature_name, inputs)
        except (KeyError, InputError):  # not asked for as yet, or a new version has others
            self._known[model] = self.signatures(model)
            signature, arrays = _prepare(self._known[model], signature_name, inputs)
        return self._send(model, signature_name, signature, arrays)

    @abstractmethod
    def _send(
        self, model: ModelSpec, signature_name: str, signature: Signature, arrays: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Calls a signature with arrays in its types."""

    def _retrying(self, call: Callable[[float], _T]) -> _T:
        """Calls, with the seconds that are left, until the server is there; other errors are final."""
        deadline, pause = time.monotonic() + self._settings.timeout, _FIRST_PAUSE
        for left in range(self._settings.retries, -1, -1):
            try:
                return call(max(0.001, deadline - time.monotonic()))
            except ServingError as error:
                wait = pause * random.uniform(0.5, 1)  # so that many clients don't come back at once
                if error.code != "UNAVAILABLE" or not left or time.monotonic() + wait > deadline:
                    raise
            time.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)
        raise ServingError("UNAVAILABLE", "the server wasn't called")


def connect(address: str, settings: CallSettings = CallSettings()) -> Client:
    """Returns a client of http://localhost:8501 (REST) or localhost:8500 (gRPC); nothing is sent yet."""
    from nst_keras.serving.client.grpc_client import GrpcClient
    from nst_keras.serving.client.rest_client import RestClient

    return RestClient(address, settings) if "//" in address else GrpcClient(address, settings)


def _prepare(
    signatures: Mapping[str, Signature], signature_name: str, inputs: Mapping[str, ArrayLike]
) -> tuple[Signature, dict[str, np.ndarray]]:
    """Returns the signature, and the inputs in its types."""
    signature = find_signature(signatures, signature_name)
    signature.check_names(inputs)
    arrays = {name: _as_type(value, signature.inputs[name], name) for name, value in inputs.items()}
    signature.check(arrays)
    return signature, arrays


def _as_type(value: Any, spec: TensorSpec, name: str) -> np.ndarray:
    if spec.dtype == object:
        array = np.array(value, dtype=object)
        texts = [text.encode() if isinstance(text, str) else text for text in array.ravel()]
        if not all(isinstance(text, bytes) for text in texts):
            raise InputError(f"input {name} must be bytes or text. Received: {type(value).__name__}")
        return np.array([*texts, None], dtype=object)[:-1].reshape(array.shape)
    array = np.asarray(value)
    if not np.can_cast(array.dtype, spec.dtype, casting="same_kind") and array.size:
        raise InputError(f"input {name} must be {spec.dtype}. Received: {array.dtype}")
    return array.astype(spec.dtype)
