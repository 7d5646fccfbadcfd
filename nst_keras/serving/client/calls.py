"""What both clients share: retries, and inputs as a signature takes them."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from nst_keras.errors import InputError
from nst_keras.serving.client.settings import CallSettings
from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.signatures import Signature, find_signature
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.protocol.tensors import TensorSpec

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0  # seconds between tries; each is up to twice the one before

_T = TypeVar("_T")


def retrying(call: Callable[[float], _T], settings: CallSettings) -> _T:
    """Calls until the server is there; any other error than UNAVAILABLE is final.

    Args:
        call: Given the seconds that are left.
        settings: How long to try.
    """
    deadline, pause = time.monotonic() + settings.timeout, _FIRST_PAUSE
    for left in range(settings.retries, -1, -1):
        try:
            return call(max(0.001, deadline - time.monotonic()))
        except ServingError as error:
            wait = pause * random.uniform(0.5, 1)  # so that many clients don't come back at once
            if error.code != "UNAVAILABLE" or not left or time.monotonic() + wait > deadline:
                raise
        time.sleep(wait)
        pause = min(2 * pause, _LONGEST_PAUSE)
    raise ServingError("UNAVAILABLE", "the server wasn't called")


class SignatureCache:
    """Signatures of models, asked for once, and again when inputs don't fit: a new version may have others.

    Args:
        fetch: Asks the server.
    """

    def __init__(self, fetch: Callable[[ModelSpec], dict[str, Signature]]) -> None:
        self._fetch = fetch
        self._known: dict[ModelSpec, dict[str, Signature]] = {}

    def prepare(
        self, model: ModelSpec, signature_name: str, inputs: Mapping[str, ArrayLike]
    ) -> tuple[Signature, dict[str, np.ndarray]]:
        """Returns the signature, and the inputs in its types."""
        if model in self._known:
            try:
                return self._prepare(model, signature_name, inputs)
            except InputError:
                pass
        self._known[model] = self._fetch(model)
        return self._prepare(model, signature_name, inputs)

    def _prepare(
        self, model: ModelSpec, signature_name: str, inputs: Mapping[str, ArrayLike]
    ) -> tuple[Signature, dict[str, np.ndarray]]:
        signature = find_signature(self._known[model], signature_name)
        return signature, prepare_inputs(signature, inputs)


def prepare_inputs(signature: Signature, inputs: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
    """Returns the inputs in the signature's types."""
    signature.check_names(inputs)
    arrays = {name: _as_type(value, signature.inputs[name], name) for name, value in inputs.items()}
    signature.check(arrays)
    return arrays


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
