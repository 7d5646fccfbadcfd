"""Which engine there is; this loads neither TensorFlow nor onnxruntime."""

import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nst_keras.errors import InputError, require_choice
from nst_keras.stylizers.engines.settings import AUTO, ENGINES, ONNXRUNTIME, TENSORFLOW

if TYPE_CHECKING:
    import keras

    from nst_keras.stylizers.engines.on_tensorflow import KerasNetwork

# From a picture [height, width, 3] on 0..255 to numbers.
Look = Callable[[np.ndarray], np.ndarray]


class PaintingNetwork(Protocol):
    """Paints contents float32 [height, width, 3], RGB on 0..255, by a blend, as such pictures."""

    def in_one_piece(self, content: np.ndarray, blend: np.ndarray, precision: str) -> np.ndarray: ...  # noqa: D102

    def in_strips(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray: ...  # noqa: D102


class Engine(Protocol):
    """Runs networks, which are built only if it needs them; `name` tells them apart, with their weights."""

    def painting(self, name: str, build: "Callable[[], KerasNetwork]") -> PaintingNetwork: ...  # noqa: D102

    def looking(self, name: str, build: "Callable[[], keras.Model]") -> Look: ...  # noqa: D102


def load_engine(
    name: str = AUTO, import_tensorflow: Callable[[], None] = lambda: None, *, light: bool = True
) -> Engine:
    """Gives an engine by its name.

    Args:
        name: One of `ENGINES`.
        import_tensorflow: Called before TensorFlow is needed, if it ever is.
        light: Whether the stylizer's networks can run on onnxruntime.

    Raises:
        InputError: If it can't be had.
    """
    require_choice("engine", name, ENGINES)
    has_runtime = importlib.util.find_spec("onnxruntime") is not None
    if name == ONNXRUNTIME and not light:
        raise InputError(f"engine {ONNXRUNTIME}: this stylizer runs on {TENSORFLOW} only")
    if name == ONNXRUNTIME and not has_runtime:
        raise InputError(f"engine {ONNXRUNTIME} isn't installed: pip install 'nst_keras[light]'")
    if name == TENSORFLOW or not (light and has_runtime):
        import_tensorflow()
        from nst_keras.stylizers.engines.on_tensorflow import TensorFlowEngine

        return TensorFlowEngine()
    from nst_keras.stylizers.engines.on_onnxruntime import OnnxruntimeEngine

    return OnnxruntimeEngine(import_tensorflow, forced=name == ONNXRUNTIME)
