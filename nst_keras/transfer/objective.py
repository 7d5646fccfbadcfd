"""The loss of a style transfer and its gradient, as one compiled step."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from nst_keras.losses.content import content_loss
from nst_keras.losses.gram import gram_matrix
from nst_keras.losses.style import blend_targets, style_loss
from nst_keras.losses.total_variation import total_variation
from nst_keras.models.vgg19 import deepest_layer, feature_extractor, vgg19
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.ops.preprocessing import preprocess
from nst_keras.transfer.settings import StyleTransferSettings

Targets = dict[str, tf.Tensor]


class Objective:
    """Loss and gradient of a picture with respect to content and style targets.

    One object serves any number of pictures of any size: targets are arguments, and the step is traced
    once. (XLA would want a compilation of seconds for each size, and is no faster here; see
    benchmarks/stylize_step.py.)

    Attributes:
        term_names: Names of the loss terms, in the order in which `evaluate` returns them.
        mean_pixel: The network's mean colour, RGB on 0..255.
    """

    def __init__(
        self, weights: VGG19Weights, settings: StyleTransferSettings, *, convolution: str = "auto"
    ) -> None:
        """Builds the network no deeper than the deepest layer in use; `convolution` as for `vgg19`."""
        self._content_weights = settings.content_terms()
        self._style_weights = settings.style_terms()
        names = list(dict.fromkeys([*self._content_weights, *self._style_weights]))
        network = vgg19(
            weights,
            deepest=deepest_layer(names),
            pooling=settings.pooling,
            edges=settings.edges,
            convolution=convolution,
        )
        self.mean_pixel = weights.mean_pixel
        self._features = feature_extractor(network, names)
        self._tv_weight = settings.tv_weight
        self._relative = settings.relative_losses
        self.term_names = (
            *(f"content/{name}" for name in self._content_weights),
            *(f"style/{name}" for name in self._style_weights),
            *(["total_variation"] if self._tv_weight else []),
        )
        self._compile()

    def _compile(self) -> None:
        """Signatures leave height and width open, so that one trace serves every size."""
        channels = {name: output.shape[-1] for name, output in self._features.output.items()}
        image = tf.TensorSpec([1, None, None, 3])
        content = {n: tf.TensorSpec([1, None, None, channels[n]]) for n in self._content_weights}
        style = {n: tf.TensorSpec([1, channels[n], channels[n]]) for n in self._style_weights}
        self._step = tf.function(self._loss_and_gradient, input_signature=[image, content, style])
        self._compiled_features = tf.function(self._extract, input_signature=[image])

    def content_targets(self, image: np.ndarray) -> Targets:
        """Features of a content image, float32 [H, W, 3] on 0..255."""
        return self.content_target(tf.constant(image[np.newaxis]))

    def style_targets(self, images: Sequence[np.ndarray], blend: Sequence[float]) -> Targets:
        """Gram matrices of style images, mixed; `blend` has one weight each and adds up to 1."""
        grams = [self.style_target(tf.constant(image[np.newaxis])) for image in images]
        return {
            name: blend_targets([gram[name] for gram in grams], list(blend)) for name in self._style_weights
        }

    def content_target(self, image: tf.Tensor) -> Targets:
        """Features of a content image, a tensor [1, H, W, 3] on 0..255."""
        features = self._compiled_features(image)
        return {name: features[name] for name in self._content_weights}

    def style_target(self, image: tf.Tensor) -> Targets:
        """Gram matrices of a style image, a tensor [1, H, W, 3] on 0..255."""
        features = self._compiled_features(image)
        return {name: gram_matrix(features[name]) for name in self._style_weights}

    def evaluate(
        self, image: tf.Tensor, content: Targets, style: Targets
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the loss, its weighted terms and the gradient.

        Args:
            image: float32 [1, H, W, 3] on 0..255.
            content: From `content_targets`, of a picture of the same size.
            style: From `style_targets`.

        Returns:
            The total, a vector with a value for each of `term_names`, and a gradient of the shape
            of `image`.
        """
        return self._step(image, content, style)

    @property
    def variables(self) -> list[Any]:
        """The network's weights."""
        return list(self._features.weights)

    def tracing_count(self) -> int:
        """How often the step was traced: once, if all is well."""
        return self._step.experimental_get_tracing_count()

    def _extract(self, image: tf.Tensor) -> Targets:
        return self._features(preprocess(image, self.mean_pixel))

    def _loss_and_gradient(
        self, image: tf.Tensor, content: Targets, style: Targets
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(image)
            terms = self._terms(image, self._extract(image), content, style)
            total = tf.reduce_sum(terms)
        return total, terms, tape.gradient(total, image)

    def _terms(self, image: tf.Tensor, features: Targets, content: Targets, style: Targets) -> tf.Tensor:
        terms = [
            weight * content_loss(features[name], content[name], relative=self._relative)
            for name, weight in self._content_weights.items()
        ]
        terms += [
            weight * style_loss(features[name], style[name], relative=self._relative)
            for name, weight in self._style_weights.items()
        ]
        if self._tv_weight:
            terms.append(self._tv_weight * total_variation(image))
        return tf.stack(terms)
