"""The loss of a style transfer and its gradient, as one compiled step."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.losses.settings import CONTENT, STYLE, LossSettings
from nst_keras.losses.terms import StyledPart, Targets, WeightedTerms
from nst_keras.models.vgg19 import feature_network, pooled_mask
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.ops.preprocessing import preprocess
from nst_keras.transfer.memory import keeps_content, tile_side
from nst_keras.transfer.tiles import TiledLoss


class Objective:
    """Loss and gradient of a picture with respect to content and style targets.

    One object serves any number of pictures of any size: targets are arguments, and the step is traced
    once. (XLA would want a compilation of seconds for each size, and is no faster here; see
    benchmarks/stylize_step.py.)

    Attributes:
        term_names: Names of the loss terms, in the order in which `evaluate` returns them.
        mean_pixel: The network's mean colour, RGB on 0..255.
    """

    def __init__(self, weights: VGG19Weights, settings: LossSettings, *, convolution: str = "auto") -> None:
        """Builds the network no deeper than the deepest layer in use; `convolution` as for `vgg19`."""
        self._settings, self._sides = settings, dict[tuple[int, ...], int]()
        self._by_tiles: TiledLoss | None = None
        self._terms, self.mean_pixel = WeightedTerms(settings), weights.mean_pixel
        self.term_names = self._terms.names
        self._features = feature_network(
            weights,
            settings.layers(),
            pooling=settings.pooling,
            edges=settings.edges,
            convolution=convolution,
        )
        # Signatures leave height and width open, so that one trace serves every size.
        self._image = image = tf.TensorSpec([1, None, None, 3])
        self._look = tf.function(self._extract, [image])
        looks = {
            name: tf.TensorSpec([1, None, None, output.shape[-1]])
            for name, output in self._features.output.items()
        }
        both = tf.function(
            lambda looks: self._terms.targets(CONTENT, looks) | self._terms.targets(STYLE, looks), [looks]
        )
        targets = both.get_concrete_function().structured_outputs
        self._shapes = tf.nest.map_structure(lambda target: tf.TensorSpec(target.shape), targets)
        self._step = tf.function(self._loss_and_gradient, [image, self._shapes])
        self._steps_in_regions: dict[int, Any] = {}  # by the number of regions

    def targets(self, of: str, image: tf.Tensor, mask: np.ndarray | None = None) -> Targets:
        """What the terms that compare with CONTENT or STYLE keep of such an image, [1, H, W, 3] on 0..255.

        With a mask, float32 [H, W], each place of a style image counts by its own share.
        """
        if side := self._side(image):
            keep = keeps_content(self._settings, *image.shape[1:3])
            return self._tiled().targets(of, image, side, mask, keep=keep)
        weights = None if mask is None else self._pooled(tf.constant(mask))
        return self._terms.targets(of, self._look(image), weights)

    def evaluate(
        self, image: tf.Tensor, targets: Targets, regions: Sequence[tuple[np.ndarray, Targets]] = ()
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the loss, a vector with its weighted terms as `term_names`, and the gradient.

        The image is float32 [1, H, W, 3] on 0..255; the targets are of a content image of its size and of a
        style image, together; or of the content alone, and regions, each a mask float32 [H, W] and targets of
        a style image for it.
        """
        if side := self._side(image):
            return self._tiled().evaluate(image, targets, side, regions)
        if not regions:
            return self._step(image, targets)
        if len(regions) not in self._steps_in_regions:
            mask = tf.TensorSpec([None, None])
            content, style = (
                {name: self._shapes[name] for name in self._terms.layers(of)} for of in (CONTENT, STYLE)
            )
            signature = [self._image, content, [(mask, style)] * len(regions)]
            self._steps_in_regions[len(regions)] = tf.function(self._loss_and_gradient, signature)
        return self._steps_in_regions[len(regions)](image, targets, [*regions])

    def require_size(self, height: int, width: int, margin: int = 0) -> None:
        """Raises an InputError if pictures of this size need tiles, but the loss wants the whole."""
        sides = (side + 2 * margin for side in (height, width))
        if not self._terms.by_tiles and tile_side(self._settings, *sides):
            raise InputError(
                f"this style_loss takes the picture as a whole, but {width}x{height} pixels need tiles here: "
                "lower size, or raise tile_size if that is given"
            )

    def _tiled(self) -> TiledLoss:
        if self._by_tiles is None:
            channels = {name: look.shape[-1] for name, look in self._features.output.items()}
            self._by_tiles = TiledLoss(self._look, self._pooled, self._terms, channels)
        return self._by_tiles

    def _side(self, image: tf.Tensor) -> int:
        """Side of the tiles for pictures of this size, decided once; 0 for none."""
        size = tuple(image.shape[1:3])
        if None in size:  # in a graph for pictures of any size
            return 0
        if size not in self._sides:
            self._sides[size] = tile_side(self._settings, *size)
        return self._sides[size]

    def trace(self) -> None:
        """Traces what else the first call would; afterwards threads may share the object."""
        tiny = tf.zeros([1, 16, 16, 3])
        self.evaluate(tiny, self.targets(CONTENT, tiny) | self.targets(STYLE, tiny))

    @property
    def variables(self) -> list[Any]:
        """The network's weights."""
        return list(self._features.weights)

    def tracing_count(self) -> int:
        """How often the step was traced: once, if all is well."""
        return self._step.experimental_get_tracing_count()

    def _extract(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._features(preprocess(image, self.mean_pixel))

    def _pooled(self, mask: tf.Tensor) -> dict[str, tf.Tensor]:
        """A mask, float32 [H, W], at the positions of each layer, where it doesn't add up to 0.

        It would in a region that lies where pooling cuts off a border.
        """
        return {layer: pooled_mask(mask, layer) + 1e-6 for layer in self._features.output}

    def _loss_and_gradient(
        self, image: tf.Tensor, targets: Targets, regions: Sequence[tuple[tf.Tensor, Targets]] = ()
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        parts = [StyledPart(tf.reduce_mean(mask), self._pooled(mask), own) for mask, own in regions]
        with tf.GradientTape() as tape:
            tape.watch(image)
            terms = tf.stack(list(self._terms(image, self._extract(image), targets, parts).values()))
            total = tf.reduce_sum(terms)
        return total, terms, tape.gradient(total, image)
