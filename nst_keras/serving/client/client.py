"""A client of model servers, TensorFlow Serving's or ours; it doesn't import TensorFlow."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from nst_keras.serving.client.grpc_client import GrpcClient
from nst_keras.serving.client.rest_client import RestClient
from nst_keras.serving.client.settings import CallSettings
from nst_keras.serving.protocol.model_spec import ModelSpec, VersionStatus
from nst_keras.serving.protocol.signatures import DEFAULT_SIGNATURE, Signature


class Client(Protocol):
    """What RestClient and GrpcClient have in common; both may be used by several threads.

    All methods raise `ServingError`, with gRPC's code, if the server refuses or can't be reached.
    """

    def status(self, model: ModelSpec) -> list[VersionStatus]:
        """What became of the model's versions, newest first."""

    def signatures(self, model: ModelSpec) -> dict[str, Signature]:
        """The model's signatures by name."""

    def predict(
        self, model: ModelSpec, inputs: Mapping[str, ArrayLike], signature_name: str = DEFAULT_SIGNATURE
    ) -> dict[str, np.ndarray]:
        """The outputs by name."""


def connect(address: str, settings: CallSettings = CallSettings()) -> Client:
    """Returns a client; nothing is sent yet.

    Args:
        address: http://localhost:8501 for the REST API, or localhost:8500 for the gRPC API.
        settings: How long to try.

    Raises:
        InputError: If it is no such address.
    """
    return RestClient(address, settings) if "//" in address else GrpcClient(address, settings)
