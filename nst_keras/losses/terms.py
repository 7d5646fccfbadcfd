"""The terms of a loss: the one list for the optimiser, the training of all stylizers, and the judges.

A new term is a function in this folder, a row here, and a weight in `losses.settings`; another loss of style
is a row in `losses.styles`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

from nst_keras.losses.distances import color_total_variation, mean_squared_difference, total_variation
from nst_keras.losses.settings import CONTENT, PICTURE, STYLE, LossSettings, image_of
from nst_keras.losses.styles import STYLE_LOSSES

Features = Mapping[str, tf.Tensor]  # [batch, height, width, channels] by layer
Targets = dict[str, Any]  # tensors [batch, ...], or tuples of them, by the name of a term on a layer


@dataclass(frozen=True)
class Term:
    """What is computed of pictures' features on a layer, or of the pictures themselves.

    Attributes:
        name: Under which its values are shown, followed by "/" and the layer if it is taken on layers.
        weight: The field of `LossWeights` that weighs it and tells which image it compares with, and so on
            whose layers.
        distance: From features, targets and `relative` to a scalar, a mean over the batch; of a term that
            compares with nothing, from the pictures alone.
        kept: What a fixed target holds of an image's features: a tensor [batch, ...], or a tuple of such.
        between: The distance from what is kept of the picture instead, if that is a mean over positions; None
            of a distance that is one itself.

    The first two take `weights` of positions, [height, width], if the term compares with STYLE.
    """

    name: str
    weight: str
    distance: Callable[..., tf.Tensor]
    kept: Callable[..., Any] = tf.identity
    between: Callable[..., tf.Tensor] | None = None

    @property
    def image(self) -> str:
        """The image that it compares with: CONTENT, STYLE, or PICTURE for none."""
        return image_of(self.weight)


def terms_of(settings: LossSettings) -> tuple[Term, ...]:
    """All terms, with the loss of style that the settings name."""
    style = STYLE_LOSSES[settings.style_loss]
    return (
        # Gatys et al. 2016 (CVPR), eq. 1, but a mean instead of half the sum.
        Term("content", "content_weight", mean_squared_difference),
        Term("style", "style_weight", style.distance, style.kept, style.between),
        Term("total_variation", "tv_weight", total_variation),
        Term("color_variation", "color_tv_weight", color_total_variation),
    )


class StyledPart(NamedTuple):
    """A part of a picture with a style of its own.

    Attributes:
        share: Of the picture's area: a scalar.
        weights: How much of each position is in it: [height, width] by layer.
        targets: Of the style.
    """

    share: tf.Tensor
    weights: Features
    targets: Targets


class WeightedTerms:
    """The terms that count by some settings. It takes features and targets, and holds no network.

    Attributes:
        names: Of the terms with their layers, in the order in which they are returned.
        images: The image that each compares with: CONTENT, STYLE, or PICTURE for none.
    """

    def __init__(self, settings: LossSettings, terms: Sequence[Term] = ()) -> None:
        self._parts = {
            "/".join(filter(None, (term.name, layer))): (term, layer, weight)
            for term in terms or terms_of(settings)
            for layer, weight in settings.weighted_layers(term.weight).items()
        }
        self._relative = settings.relative_losses
        self.names = tuple(self._parts)
        self.images = tuple(term.image for term, _, _ in self._parts.values())

    def targets(self, image: str, features: Features, weights: Features | None = None) -> Targets:
        """What the terms that compare with an image, CONTENT or STYLE, keep of its features.

        Those of STYLE count each position by its weight, [height, width] by layer, if there are any.
        """
        return {
            name: term.kept(features[layer], **({} if weights is None else {"weights": weights[layer]}))
            for name, (term, layer, _) in self._parts.items()
            if term.image == image
        }

    def layers(self, image: str) -> dict[str, str]:
        """The layer of each term that compares with an image, CONTENT or STYLE."""
        return {name: layer for name, (term, layer, _) in self._parts.items() if term.image == image}

    @property
    def by_tiles(self) -> bool:
        """Whether `of_kept` tells all terms of style."""
        return all(term.between for term, _, _ in self._parts.values() if term.image == STYLE)

    def of_kept(self, kept: Targets, targets: Targets) -> dict[str, tf.Tensor]:
        """The weighted terms of style, from what `targets` keeps of the picture."""

        def distance(term: Term, name: str, layer: str) -> tf.Tensor:
            if term.between is None:
                raise ValueError(f"{term.name} isn't compared by means over positions, so not in tiles")
            return term.between(kept[name], targets[name], relative=self._relative)

        return self._compared(STYLE, distance)

    def of_positions(self, features: Features, targets: Targets, powers: Targets) -> dict[str, tf.Tensor]:
        """The weighted terms of content for a part of a picture; `powers` are whole targets' mean squares."""

        def distance(term: Term, name: str, layer: str) -> tf.Tensor:
            return term.distance(features[layer], targets[name], relative=self._relative, power=powers[name])

        return self._compared(CONTENT, distance)

    def of_picture(self, pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        """The weighted terms that compare with nothing."""
        return self._compared(PICTURE, lambda term, *_: term.distance(pictures))

    def _compared(self, image: str, distance: Callable[[Term, str, str], tf.Tensor]) -> dict[str, tf.Tensor]:
        return {
            name: weight * distance(term, name, layer)
            for name, (term, layer, weight) in self._parts.items()
            if term.image == image
        }

    def __call__(
        self, pictures: tf.Tensor, features: Features, targets: Targets, parts: Sequence[StyledPart] = ()
    ) -> dict[str, tf.Tensor]:
        """Returns the weighted terms by name, scalars that are means over the batch.

        Args:
            pictures: float32 [batch, height, width, 3] on 0..255.
            features: The pictures', on all layers that the settings name.
            targets: From `targets`, of a batch as large, or of 1.
            parts: Parts of the pictures that have each a style of its own, whose targets take the place of
                those of STYLE. Their terms count by their shares, so that a place is painted as strongly
                whatever part it is in.
        """
        values = {}
        for name, (term, layer, weight) in self._parts.items():
            if term.image == PICTURE:
                values[name] = weight * term.distance(pictures)
            elif parts and term.image == STYLE:
                distances = [
                    part.share
                    * term.distance(
                        features[layer],
                        part.targets[name],
                        relative=self._relative,
                        weights=part.weights[layer],
                    )
                    for part in parts
                ]
                values[name] = weight * tf.add_n(distances)
            else:
                distance = term.distance(features[layer], targets[name], relative=self._relative)
                values[name] = weight * distance
        return values


def stacked(targets: Sequence[Targets]) -> Targets:
    """Targets of several images as those of one batch."""
    return tf.nest.map_structure(lambda *kept: tf.concat(kept, 0), *targets)


def blended(targets: Targets, weights: tf.Tensor) -> Targets:
    """Mixtures of a batch of targets: one for each row of `weights`, float32 [mixtures, batch].

    Where a term is a mean squared difference of what is kept, pulling towards a weighted mean equals the
    weighted sum of one loss for each target, up to a constant, if the weights add up to 1.
    """
    return tf.nest.map_structure(lambda kept: tf.tensordot(weights, kept, 1), targets)
