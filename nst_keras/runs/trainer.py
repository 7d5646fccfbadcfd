"""What all trainers of networks share: exact states to go on from."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from nst_keras.errors import InputError


class Trainer(ABC):
    """Takes steps that depend on variables and the step's data alone."""

    def state(self) -> list[np.ndarray]:
        """Every number that the next steps depend on."""
        return [np.asarray(variable) for variable in self._variables()]

    def set_state(self, arrays: Sequence[np.ndarray]) -> None:
        """Goes back to a state, which must be of the same model."""
        try:
            for variable, array in zip(self._variables(), arrays, strict=True):
                variable.assign(array)
        except ValueError as error:
            raise InputError(f"the checkpoint doesn't fit the model, use --restart: {error}") from error

    @abstractmethod
    def _variables(self) -> list[Any]:
        """What a state holds, always in the same order."""
