"""Stylizers' networks on onnxruntime, which starts in a fraction of a second; this loads no TensorFlow.

A network is written as ONNX once, by TensorFlow, and kept in the cache.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from nst_keras.console.console import say
from nst_keras.errors import InputError
from nst_keras.fields import MIXED_BFLOAT16
from nst_keras.storage.cache import read_kept
from nst_keras.stylizers.engines.engine import Look
from nst_keras.stylizers.engines.settings import ONNXRUNTIME, TENSORFLOW

if TYPE_CHECKING:
    import keras

    from nst_keras.stylizers.engines.on_tensorflow import KerasNetwork

_FORMAT = 1  # to be raised with every change of `onnx_network`, so that files that are kept are made anew


class OnnxruntimeEngine:
    """Reads networks from the cache, where they are put at first use."""

    def __init__(self, import_tensorflow: Callable[[], None], *, forced: bool) -> None:
        self._import_tensorflow, self._forced = import_tensorflow, forced
        self._told = False

    def painting(self, name: str, build: "Callable[[], KerasNetwork]") -> "OnnxNetwork":
        """A network that paints; what this engine doesn't do is done by TensorFlow, unless it is forced."""
        session = self._session(name, lambda: build().model)

        def on_tensorflow(what: str) -> "KerasNetwork":
            if self._forced:
                raise InputError(
                    f"engine {ONNXRUNTIME} doesn't paint {what}; {TENSORFLOW} does, and auto takes it"
                )
            self._import_tensorflow()
            return build()

        return OnnxNetwork(session, on_tensorflow)

    def looking(self, name: str, build: "Callable[[], keras.Model]") -> Look:
        """A network from a picture to numbers."""
        session = self._session(name, build)
        return lambda picture: _run(session, {session.get_inputs()[0].name: picture})

    def _session(self, name: str, build: "Callable[[], keras.Model]") -> onnxruntime.InferenceSession:
        def make() -> bytes:
            if not self._told:
                say("preparing the stylizer for onnxruntime; the next time it starts without TensorFlow ...")
            self._told = True
            self._import_tensorflow()
            from nst_keras.stylizers.engines.onnx_network import onnx_of

            return onnx_of(build(), {})

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors, which are raised, too
        network = read_kept("onnx", f"{name.replace(':', '-')}-{_FORMAT}", make, say)
        return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])


class OnnxNetwork:
    """A network that paints; `on_tensorflow` builds it for TensorFlow, for what is to be done there."""

    def __init__(
        self, session: onnxruntime.InferenceSession, on_tensorflow: "Callable[[str], KerasNetwork]"
    ) -> None:
        self._session, self._build = session, on_tensorflow

    def in_one_piece(self, content: np.ndarray, blend: np.ndarray, precision: str) -> np.ndarray:
        """Paints a content that isn't too large for memory."""
        if precision == MIXED_BFLOAT16:
            return self._slow(f"in {MIXED_BFLOAT16}").in_one_piece(content, blend, precision)
        return _run(self._session, {"image": content, "style_weights": blend})

    def in_strips(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        """Leaves a large content to TensorFlow."""
        return self._slow(f"{content.shape[1]}x{content.shape[0]} pixels at once").in_strips(content, blend)

    def _slow(self, what: str) -> "KerasNetwork":
        if "_network" not in vars(self):
            self._network = self._build(what)
        return self._network


def _run(session: onnxruntime.InferenceSession, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    feeds = {name: np.ascontiguousarray(array[np.newaxis], np.float32) for name, array in inputs.items()}
    try:
        outputs: list[Any] = session.run(None, feeds)
    except Exception as error:  # onnxruntime's have no common base
        if "alloc" in str(error).lower():
            raise MemoryError(str(error)) from error
        raise
    result: np.ndarray = outputs[0][0]
    return result
