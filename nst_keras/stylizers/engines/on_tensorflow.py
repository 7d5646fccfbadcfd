"""Stylizers' networks on TensorFlow."""

import abc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from nst_keras.fields import MIXED_BFLOAT16
from nst_keras.ops.precision import bfloat16_products
from nst_keras.stylizers.engines.engine import Look


class TensorFlowNetwork(abc.ABC):
    """A network that is compiled once for all sizes."""

    def in_one_piece(self, content: np.ndarray, blend: np.ndarray, precision: str) -> np.ndarray:
        """Paints a content that isn't too large for memory."""
        with _memory(), bfloat16_products(precision == MIXED_BFLOAT16):
            return self._whole(content, blend)

    def in_strips(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        """Paints a content strip by strip, in float32."""
        with _memory():
            return self._strips(content, blend)

    @abc.abstractmethod
    def _whole(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray: ...

    @abc.abstractmethod
    def _strips(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray: ...


class KerasNetwork(TensorFlowNetwork):
    """A network of the inputs "image" and "style_weights", and how it paints strip by strip."""

    def __init__(self, model: keras.Model, in_strips: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
        self.model, self._strip_by_strip = model, in_strips
        # Traced once for all sizes, and for each object: a method's own would warn of several objects.
        rows = next(tensor.shape[-1] for tensor in model.inputs if tensor.name == "style_weights")
        signature = [tf.TensorSpec([1, None, None, 3]), tf.TensorSpec([1, rows])]
        self._compiled = tf.function(self._paint, input_signature=signature)

    def _whole(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        pictures = self._compiled(tf.constant(content[np.newaxis]), tf.constant(blend[np.newaxis]))
        return np.asarray(pictures[0])

    def _strips(self, content: np.ndarray, blend: np.ndarray) -> np.ndarray:
        return self._strip_by_strip(content, blend)

    def _paint(self, image: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        return self.model({"image": image, "style_weights": weights}, training=False)


class TensorFlowEngine:
    """Builds networks at once."""

    def painting(self, name: str, build: Callable[[], KerasNetwork]) -> KerasNetwork:
        """A network that paints."""
        return build()

    def looking(self, name: str, build: Callable[[], keras.Model]) -> Look:
        """A network from a picture to numbers."""
        network = build()
        return lambda picture: np.asarray(network(tf.constant(picture[np.newaxis])))[0]


@contextmanager
def _memory() -> Iterator[None]:
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError(str(error)) from error
