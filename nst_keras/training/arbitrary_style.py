"""Training of the decoder of an arbitrary-style network: one compiled step, exact states."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.models.arbitrary_style import CODE_LAYER, STYLE_LAYERS, arbitrary_style, style_statistics
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.ops.instance_statistics import instance_statistics, renormalize
from nst_keras.ops.moments import mean_squared_difference
from nst_keras.training.arbitrary_style_settings import ArbitraryStyleSettings
from nst_keras.training.classification import NonFiniteLossError


class ArbitraryStyleTrainer:
    """The network with its loss (Huang & Belongie 2017, section 5), optimiser and compiled step.

    The content loss is how far relu4_1 of the picture is from the normalised features that it was decoded
    from; the style loss, how far means and deviations of four layers are from the painting's. Each is
    divided by the mean square of its target, which the paper doesn't do.

    Attributes:
        model: As `models.arbitrary_style` builds it; its decoder is what is trained.
        term_names: Names of the loss's terms, in the order in which `step` returns them.
    """

    term_names = ("content", *(f"style/{name}" for name in STYLE_LAYERS))

    def __init__(self, weights: VGG19Weights, settings: ArbitraryStyleSettings) -> None:
        """Builds network and optimiser."""
        self.settings = settings
        keras.utils.set_random_seed(settings.seed)
        self.model = arbitrary_style(weights, width=settings.width)
        self._encoder, self._decoder = (self.model.get_layer(name) for name in ("encoder", "decoder"))
        rate = keras.optimizers.schedules.InverseTimeDecay(settings.learning_rate, 1, settings.decay)
        self._optimizer = keras.optimizers.Adam(rate)
        self._optimizer.build(self._decoder.trainable_variables)

    def step(self, contents: np.ndarray, paintings: np.ndarray) -> np.ndarray:
        """Takes one step and returns the weighted terms of the loss before it, as `term_names`.

        Args:
            contents: Photos, float32 [batch, h, w, 3] on 0..255, with sides that are multiples of 8.
            paintings: One for each photo, likewise.

        Raises:
            NonFiniteLossError: If the loss isn't a finite number.
        """
        terms: np.ndarray = self._step(tf.constant(contents), tf.constant(paintings)).numpy()
        if not math.isfinite(terms.sum()):
            rate = self.settings.learning_rate
            raise NonFiniteLossError(f"the loss is {terms.sum()}: learning_rate={rate:g} is too high")
        return terms

    @tf.function(reduce_retracing=True)
    def _step(self, contents: tf.Tensor, paintings: tf.Tensor) -> tf.Tensor:
        wanted = {name: instance_statistics(found) for name, found in self._encoder(paintings).items()}
        code = renormalize(self._encoder(contents)[CODE_LAYER], *wanted[CODE_LAYER])
        variables = self._decoder.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            pictures = self._decoder(code, training=True)
            terms = self._terms(self._encoder(pictures), code, wanted)
            total = tf.reduce_sum(terms)
        gradients = tape.gradient(total, [variable.value for variable in variables])
        self._optimizer.apply(gradients, variables)
        # On CPUs ReLU makes 0 of NaN, so that the losses wouldn't tell of it.
        return terms + 0.0 * tf.reduce_mean(pictures)

    def _terms(self, features: dict[str, tf.Tensor], code: tf.Tensor, wanted: dict[str, Any]) -> tf.Tensor:
        content = mean_squared_difference(features[CODE_LAYER], code, relative=True)
        terms = [self.settings.content_weight * content]
        for name in STYLE_LAYERS:
            # Means and deviations side by side, so that neither counts more for being smaller.
            found, target = (
                tf.concat(pair, -1) for pair in (instance_statistics(features[name]), wanted[name])
            )
            style = mean_squared_difference(found, target, relative=True) / len(STYLE_LAYERS)
            terms.append(self.settings.style_weight * style)
        return tf.stack(terms)

    def stylize(
        self,
        image: np.ndarray,
        paintings: Sequence[np.ndarray],
        blend: Sequence[float] = (),
        strength: float = 1,
    ) -> np.ndarray:
        """A picture float32 [h, w, 3] in the style of one or more paintings; see `arbitrary_style`."""
        mean, deviation = style_statistics(self._encoder, paintings, blend)
        amount = tf.fill([1, 1, 1, 1], float(strength))
        inputs = {"image": tf.constant(image[np.newaxis], tf.float32), "mean": mean, "deviation": deviation}
        return np.asarray(self.model({**inputs, "strength": amount}, training=False)[0])

    def state(self) -> list[np.ndarray]:
        """Every number that the next steps depend on."""
        return [np.asarray(variable) for variable in self._variables()]

    def set_state(self, arrays: Sequence[np.ndarray]) -> None:
        """Goes back to a state.

        Raises:
            InputError: If it is of another network.
        """
        try:
            for variable, array in zip(self._variables(), arrays, strict=True):
                variable.assign(array)
        except ValueError as error:
            raise InputError(f"the state is of another network: {error}") from error

    def _variables(self) -> list[Any]:
        return [*self._decoder.weights, *self._optimizer.variables]
