"""A client of a SavedModel in this process, with no server between."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nst_keras.serving.client.client import Client
from nst_keras.serving.protocol.model_spec import AVAILABLE, ModelSpec, VersionStatus
from nst_keras.serving.protocol.signatures import Signature
from nst_keras.serving.server.compute.loaded_model import LoadedModel


class LocalClient(Client):
    """Answers for one model, whatever name it is asked by.

    Raises:
        InputError: If the folder holds no SavedModel that can be loaded, with the reason.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._model = LoadedModel(folder)

    def status(self, model: ModelSpec) -> list[VersionStatus]:
        """The model is there."""
        return [VersionStatus(model.version or 0, AVAILABLE)]

    def signatures(self, model: ModelSpec) -> dict[str, Signature]:
        """See `Client`."""
        return self._model.signatures

    def _send(
        self, model: ModelSpec, signature_name: str, signature: Signature, arrays: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        return self._model.run(signature_name, arrays)
