"""A network under examination: its loss, gradients and layers, and the promise to leave it as it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras.diagnosis.network_loss import LossSpec, NetworkLoss
from nst_keras.errors import InputError

# Layers that add chance, by the attribute that says how much.
_NOISE: dict[str, tuple[type, ...]] = {
    "rate": (keras.layers.Dropout, keras.layers.GaussianDropout, keras.layers.AlphaDropout),
    "stddev": (keras.layers.GaussianNoise,),
}


class CheckedNetwork:
    """A classifier with a batch that it is tried on: finite images [batch, ...] and class ids, int64 [batch].

    `outputs` are those in inference, float64 [batch, classes]; without `num_classes` there are so many.
    """

    def __init__(
        self, model: keras.Model, images: np.ndarray, labels: np.ndarray, loss: LossSpec, num_classes: int
    ) -> None:
        self.model = model
        self.images, self.labels = images.astype(np.float32), labels
        try:
            self.outputs = self.predict()
        except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(
                f"The model can't take images of shape {list(images.shape)}: {reason}"
            ) from error
        if not model.trainable_variables:
            raise InputError(f"The model {model.name} has no weights that can be trained.")
        self.num_classes = num_classes or self.outputs.shape[-1]
        if loss is None and getattr(model, "compiled", False):
            loss = model.loss
        self.loss = NetworkLoss(loss, self.gives_probabilities())

    def gives_probabilities(self, axis: int = -1) -> bool:
        """Whether outputs are in 0..1 and sum to 1 along an axis."""
        low, high = self.outputs.min(), self.outputs.max()
        return bool(low >= 0 and high <= 1 + 1e-5 and np.allclose(self.outputs.sum(axis=axis), 1, atol=1e-3))

    def predict(self, images: np.ndarray | None = None) -> np.ndarray:
        """Outputs in inference, float64 [batch, classes]."""
        images = self.images if images is None else images
        return np.asarray(self.model(tf.constant(images), training=False), np.float64)

    def loss_of(self, repeats: int = 1) -> float:
        """The loss in training mode without dropout, of the batch or of its repetition."""
        images, labels = (np.concatenate([part] * repeats) for part in (self.images, self.labels))
        with self.kept():
            return float(self.loss(tf.constant(labels), self.model(tf.constant(images), training=True)))

    def loss_is_sum(self) -> bool:
        """Whether the loss doubles with the batch, as a sum over pictures does and a mean doesn't."""
        once, twice = self.loss_of(), self.loss_of(2)
        return bool(once and abs(twice / once - 2) < 0.01)

    def gradients(self) -> list[tuple[keras.Variable, np.ndarray | None]]:
        """The loss's gradient for each trainable variable; None where the loss doesn't depend on it."""
        variables = self.model.trainable_variables
        with self.kept(), tf.GradientTape() as tape:
            outputs = self.model(tf.constant(self.images), training=True)
            loss = self.loss(tf.constant(self.labels), outputs)
        gradients = tape.gradient(loss, variables)
        arrays = [None if one is None else np.asarray(tf.convert_to_tensor(one)) for one in gradients]
        return list(zip(variables, arrays, strict=True))

    def weight_layers(self) -> list[keras.layers.Layer]:
        """Layers with a trainable matrix or kernel, from the input to the output."""
        return [layer for layer in _flatten(self.model) if _kernels(layer)]

    def kernels(self) -> list[keras.Variable]:
        """The (first) matrix or kernel of each of these layers."""
        return [_kernels(layer)[0] for layer in self.weight_layers()]

    def layer_values(self, *activations: str) -> list[tuple[str, np.ndarray]]:
        """Names of the layers that end in one of the activations, but for the last, with what they give.

        Arrays are float64 [batch, ...], in training mode without dropout.
        """
        layers = [layer for layer in _flatten(self.model)[:-1] if _activation_name(layer) in activations]
        return [(layer.name, outputs) for layer, _, outputs in self._watch(layers)]

    def first_inputs(self) -> np.ndarray:
        """What enters the first layer with a trainable kernel, float64 [batch, ...]."""
        watched = self._watch(self.weight_layers()[:1])
        return watched[0][1] if watched else self.images.astype(np.float64)

    def _watch(
        self, layers: list[keras.layers.Layer]
    ) -> list[tuple[keras.layers.Layer, np.ndarray, np.ndarray]]:
        """Layers that were called, in the order of their calls, with inputs and outputs."""
        seen: list[tuple[keras.layers.Layer, np.ndarray, np.ndarray]] = []

        def spy_on(layer: keras.layers.Layer) -> Callable[..., Any]:
            call = layer.call

            def spy(inputs: Any, *args: Any, **kwargs: Any) -> Any:
                outputs = call(inputs, *args, **kwargs)
                seen.append((layer, *(np.asarray(one, np.float64) for one in (inputs, outputs))))
                return outputs

            return spy

        # Keras has no hooks. A symbolic probe would miss shared layers and those of subclassed models.
        for layer in layers:
            vars(layer)["call"] = spy_on(layer)
        try:
            with self.kept():
                self.model(tf.constant(self.images), training=True)
        finally:
            for layer in layers:
                del vars(layer)["call"]
        return seen

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Without dropout inside; afterwards every variable is as it was."""
        values = [variable.numpy() for variable in self.model.variables]
        with quiet(self.model):
            try:
                yield
            finally:
                for variable, value in zip(self.model.variables, values, strict=True):
                    variable.assign(value)


@contextmanager
def quiet(model: keras.Model) -> Iterator[None]:
    """Dropout and noise layers do nothing inside."""
    noisy = [
        (layer, name, getattr(layer, name))
        for name, kinds in _NOISE.items()
        for layer in _flatten(model)
        if isinstance(layer, kinds)
    ]
    for layer, name, _ in noisy:
        setattr(layer, name, 0.0)
    try:
        yield
    finally:
        for layer, name, value in noisy:
            setattr(layer, name, value)


def _kernels(layer: keras.layers.Layer) -> list[keras.Variable]:
    """The trainable weights of two or more axes of a layer that has no layers inside."""
    own = [] if getattr(layer, "layers", None) else layer.trainable_variables
    return [variable for variable in own if len(variable.shape) >= 2]


def _activation_name(layer: keras.layers.Layer) -> str:
    if isinstance(layer, keras.layers.ReLU):
        return "" if layer.negative_slope else "relu"
    return getattr(getattr(layer, "activation", None), "__name__", "")


def _flatten(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model and of the models inside it."""
    found = []
    for layer in model.layers:
        found += _flatten(layer) if isinstance(layer, keras.Model) else [layer]
    return found
