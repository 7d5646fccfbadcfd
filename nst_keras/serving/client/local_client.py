"""A client of a SavedModel in this process, with no server between."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from nst_keras.serving.protocol.model_spec import AVAILABLE, ModelSpec, VersionStatus
from nst_keras.serving.protocol.signatures import DEFAULT_SIGNATURE, Signature
from nst_keras.serving.server.loaded_model import LoadedModel


class LocalClient:
    """A `Client` that answers for one model, whatever name it is asked by; for several threads too."""

    def __init__(self, folder: Path) -> None:
        """Loads the model.

        Raises:
            InputError: If the folder holds no SavedModel that can be loaded, with the reason.
        """
        self._model = LoadedModel(folder)

    def status(self, model: ModelSpec) -> list[VersionStatus]:
        """The model is there."""
        return [VersionStatus(model.version, AVAILABLE, "OK", "")]

    def signatures(self, model: ModelSpec) -> dict[str, Signature]:
        """The model's signatures by name."""
        return self._model.signatures

    def predict(
        self, model: ModelSpec, inputs: Mapping[str, ArrayLike], signature_name: str = DEFAULT_SIGNATURE
    ) -> dict[str, np.ndarray]:
        """The outputs by name.

        Raises:
            ServingError: If the model refuses the inputs, with TensorFlow's sentence.
        """
        specs = self._model.signature(signature_name).inputs
        typed = {
            name: np.asarray(value, specs[name].dtype if name in specs else None)
            for name, value in inputs.items()
        }
        return self._model.run(signature_name, typed)
