"""Loss and gradient of a picture piece by piece, equal to the whole's: memory is that of one piece.

Galerne et al. 2024 (arXiv:2212.13459, section 4) go over the pieces twice: first for the statistics of the
whole picture, then for each piece's gradient, given those. A piece is seen with a margin as wide as the
network can see, so that its features are the whole picture's. They crop the gradient and need twice that
margin; here each piece counts its own positions only, and gradients are added up where margins overlap.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from nst_keras.losses.settings import CONTENT, STYLE
from nst_keras.losses.terms import Features, Targets, WeightedTerms
from nst_keras.models.vgg19_layout import reach, stride

_GRID = 16  # the stride of VGG-19's last block: pieces begin where all of its layers have a position


class Tile(NamedTuple):
    """A piece of a picture along both axes.

    Attributes:
        seen: Rows and columns that the network looks at.
        own: Rows and columns that count.
    """

    seen: tuple[slice, slice]
    own: tuple[slice, slice]

    def positions(self, layer: str) -> tuple[slice, slice]:
        """Rows and columns of a layer that count, in the whole picture's features."""
        step = stride(layer)
        rows, columns = (slice(axis.start // step, axis.stop // step) for axis in self.own)
        return rows, columns

    def inside(self) -> tf.Tensor:
        """Top, left, bottom and right of what counts in what is seen, int32 [4]."""
        offsets = [
            (own.start - seen.start, own.stop - seen.start)
            for own, seen in zip(self.own, self.seen, strict=True)
        ]
        return tf.constant([offset[end] for end in (0, 1) for offset in offsets])


def plan_tiles(height: int, width: int, side: int, margin: int) -> list[Tile]:
    """Cuts a picture of at least 16x16 pixels into pieces of about `side`, each seen with a margin."""
    rows, columns = (_cut(length, side, margin) for length in (height, width))
    return [Tile((seen, across), (own, along)) for seen, own in rows for across, along in columns]


def _cut(length: int, side: int, margin: int) -> list[tuple[slice, slice]]:
    cells = length // _GRID
    number = min(cells, -(-length // side))
    starts = [cells * index // number * _GRID for index in range(number)]
    ends = [*starts[1:], length]
    margin = -(-margin // _GRID) * _GRID
    return [
        (slice(max(0, start - margin), min(length, end + margin)), slice(start, end))
        for start, end in zip(starts, ends, strict=True)
    ]


class _Content(NamedTuple):
    """What the pieces of a picture are compared with.

    Attributes:
        image: The content, [1, H, W, 3] on 0..255.
        looks: Its features by layer, whole; none if they are computed anew for each piece.
        powers: Their mean squares by layer.
    """

    image: tf.Tensor
    looks: Mapping[str, np.ndarray]
    powers: Mapping[str, np.float32]


class _Steps(NamedTuple):
    """What is computed of tiles, compiled for a number of regions."""

    kept: Any
    style: Any
    part: Any


# A mask where a piece counts, float32 [h, w], and the sums of the whole mask's weights by layer.
_Regions = Sequence[tuple[tf.Tensor, Mapping[str, tf.Tensor]]]
_MASK = tf.TensorSpec([None, None])


class TiledLoss:
    """What an objective computes, by tiles.

    Args:
        look: From pictures [1, h, w, 3] on 0..255 to features by layer.
        pool: From a mask [h, w] to the weights of positions by layer.
        terms: Of the loss; what is kept of a style must be means over positions.
        channels: Of each layer that `look` returns.
    """

    def __init__(
        self,
        look: Callable[[tf.Tensor], Features],
        pool: Callable[[tf.Tensor], Features],
        terms: WeightedTerms,
        channels: Mapping[str, int],
    ) -> None:
        self._look, self._pool, self._terms, self._channels = look, pool, terms, channels
        self._margin = max(map(reach, channels))
        piece = [tf.TensorSpec([1, None, None, 3]), tf.TensorSpec([4], tf.int32)]
        self._features = tf.function(self._own_features, piece)
        self._picture = tf.function(self._picture_and_gradient, piece[:1])
        self._sums = tf.function(self._sums_of_weights, [_MASK])
        self._steps = dict[int, _Steps]()  # by the number of regions

    def _compiled(self, number: int) -> "_Steps":
        """The steps for pictures in so many regions; 0 is the whole."""
        if number in self._steps:
            return self._steps[number]
        scalar = tf.TensorSpec([])
        piece = [
            tf.TensorSpec([1, None, None, 3]),
            tf.TensorSpec([4], tf.int32),
            tf.TensorSpec([2], tf.int32),
        ]
        sums = dict.fromkeys(self._terms.layers(STYLE).values(), scalar)
        regions = [(_MASK, sums)] * number
        kept_of = tf.function(self._share_of_kept, [*piece, regions])
        kept = tf.nest.map_structure(
            lambda moment: tf.TensorSpec(moment.shape), kept_of.get_concrete_function().structured_outputs
        )
        contents = {
            name: tf.TensorSpec([1, None, None, self._channels[layer]])
            for name, layer in self._terms.layers(CONTENT).items()
        }
        powers = dict.fromkeys(contents, scalar)
        self._steps[number] = _Steps(
            kept_of,
            tf.function(self._style_and_slopes, [kept, kept, [scalar] * len(kept)]),
            tf.function(self._share_and_gradient, [*piece, regions, contents, powers, kept]),
        )
        return self._steps[number]

    def targets(
        self, of: str, image: tf.Tensor, side: int, mask: np.ndarray | None = None, *, keep: bool = True
    ) -> Targets:
        """As `Objective.targets`, for `evaluate` alone; without `keep`, features of CONTENT aren't stored."""
        if of == STYLE:
            (kept,) = self._whole_kept(image, side, [] if mask is None else [mask])
            return kept
        layers = self._terms.layers(CONTENT)
        shapes = {
            layer: (1, *(length // stride(layer) for length in image.shape[1:3]), self._channels[layer])
            for layer in layers.values()
        }
        looks = {layer: np.empty(shape, np.float32) for layer, shape in shapes.items() if keep}
        squares = dict.fromkeys(shapes, 0.0)
        for tile in self._tiles(image, side):
            features = self._features(image[:, *tile.seen], tile.inside())
            for layer in shapes:
                part = features[layer].numpy()
                squares[layer] += _sum_of_squares(part)
                if keep:
                    looks[layer][:, *tile.positions(layer)] = part
        powers = {layer: np.float32(squares[layer] / np.prod(shape)) for layer, shape in shapes.items()}
        return dict.fromkeys(layers, _Content(image, looks, powers))

    def evaluate(
        self,
        image: tf.Tensor,
        targets: Targets,
        side: int,
        regions: Sequence[tuple[np.ndarray, Targets]] = (),
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """As `Objective.evaluate`, in pieces of about `side` pixels."""
        layers, size = self._terms.layers(CONTENT), tf.constant(image.shape[1:3])
        powers = {name: tf.constant(targets[name].powers[layer]) for name, layer in layers.items()}
        masks = [mask for mask, _ in regions]
        whole = {name: targets[name] for name in self._terms.layers(STYLE) if not regions}
        styles = [own for _, own in regions] or [whole]
        areas = [tf.reduce_mean(mask) for mask in masks] or [tf.ones([])]
        steps, kept = self._compiled(len(regions)), self._whole_kept(image, side, masks)
        values, slopes = steps.style(kept, styles, areas)
        alone, total = self._picture(image)
        values, gradient = values | alone, total.numpy()
        del total
        contents, sums = dict.fromkeys(layers, tf.zeros([])), [self._sums(mask) for mask in masks]
        for tile in self._tiles(image, side):
            wanted = self._wanted(targets, tile)
            piece = image[:, *tile.seen], tile.inside(), size, _cut_out(masks, sums, tile)
            shares, part = steps.part(*piece, wanted, powers, slopes)
            contents = {name: contents[name] + share for name, share in shares.items()}
            gradient[:, *tile.seen] += part.numpy()
        values |= contents
        terms = tf.stack([values[name] for name in self._terms.names])
        return tf.reduce_sum(terms), terms, tf.constant(gradient)

    def _wanted(self, targets: Targets, tile: Tile) -> dict[str, tf.Tensor]:
        """What a piece is to look like, by the name of each term of content."""
        layers = self._terms.layers(CONTENT)
        if not layers:
            return {}
        content: _Content = targets[next(iter(layers))]
        if content.looks:
            looks = {
                layer: tf.constant(look[:, *tile.positions(layer)]) for layer, look in content.looks.items()
            }
        else:
            looks = self._features(content.image[:, *tile.seen], tile.inside())
        return {name: looks[layer] for name, layer in layers.items()}

    def _tiles(self, image: tf.Tensor, side: int) -> list[Tile]:
        height, width = image.shape[1:3]
        return plan_tiles(height, width, side, self._margin)

    def _whole_kept(self, image: tf.Tensor, side: int, masks: Sequence[np.ndarray]) -> list[Targets]:
        """What is kept of the style of each region, or of the whole picture's."""
        size, whole = tf.constant(image.shape[1:3]), list[Targets]()
        step, sums = self._compiled(len(masks)).kept, [self._sums(mask) for mask in masks]
        for tile in self._tiles(image, side):
            part = step(image[:, *tile.seen], tile.inside(), size, _cut_out(masks, sums, tile))
            whole = tf.nest.map_structure(tf.add, whole, part) if whole else part
        return whole

    def _own_features(self, piece: tf.Tensor, inside: tf.Tensor) -> dict[str, tf.Tensor]:
        """A piece's features where it counts."""
        cropped = {}
        for layer, features in self._look(piece).items():
            top, left, bottom, right = tf.unstack(inside // stride(layer))
            cropped[layer] = features[:, top:bottom, left:right]
        return cropped

    def _sums_of_weights(self, mask: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the weights of all positions add up to, on the layers of style."""
        weights = self._pool(mask)
        return {layer: tf.reduce_sum(weights[layer]) for layer in self._terms.layers(STYLE).values()}

    def _share_of_kept(
        self, piece: tf.Tensor, inside: tf.Tensor, size: tf.Tensor, regions: _Regions
    ) -> list[Targets]:
        return self._kept_of(self._own_features(piece, inside), size, regions)

    def _kept_of(self, features: Features, size: tf.Tensor, regions: _Regions) -> list[Targets]:
        """What a piece adds to what is kept of the style of each region, or of the whole picture's."""
        parts = []
        for mask, sums in regions or [(None, {})]:
            weights = None if mask is None else self._pool(mask)
            kept = self._terms.targets(STYLE, features, weights)
            for name, layer in self._terms.layers(STYLE).items():
                if weights is None:
                    share = _share(features, layer, size)
                else:
                    share = tf.reduce_sum(weights[layer]) / sums[layer]
                kept[name] = tf.nest.map_structure(lambda moment, share=share: share * moment, kept[name])
            parts.append(kept)
        return parts

    def _style_and_slopes(
        self, kept: list[Targets], targets: list[Targets], areas: list[tf.Tensor]
    ) -> tuple[dict[str, tf.Tensor], Any]:
        """The terms of style, and their gradient with respect to what is kept."""
        with tf.GradientTape() as tape:
            tape.watch(kept)
            parts = [self._terms.of_kept(*each) for each in zip(kept, targets, strict=True)]
            values = {
                name: tf.add_n([area * part[name] for area, part in zip(areas, parts, strict=True)])
                for name in parts[0]
            }
            total = tf.add_n([tf.zeros([]), *values.values()])
        return values, tape.gradient(total, kept, unconnected_gradients="zero")

    def _share_and_gradient(
        self,
        piece: tf.Tensor,
        inside: tf.Tensor,
        size: tf.Tensor,
        regions: _Regions,
        contents: Targets,
        powers: Targets,
        slopes: Any,
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """What a piece adds to the terms of content, and to the gradient of all terms on layers."""
        with tf.GradientTape() as tape:
            tape.watch(piece)
            features = self._own_features(piece, inside)
            values = self._terms.of_positions(features, contents, powers)
            for name, layer in self._terms.layers(CONTENT).items():
                values[name] *= _share(features, layer, size)
            pulls = tf.nest.map_structure(tf.multiply, self._kept_of(features, size, regions), slopes)
            pulled = [tf.reduce_sum(pull) for pull in tf.nest.flatten(pulls)]
            total = tf.add_n([tf.zeros([]), *values.values(), *pulled])
        return values, tape.gradient(total, piece, unconnected_gradients="zero")

    def _picture_and_gradient(self, image: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """The terms of the picture itself."""
        with tf.GradientTape() as tape:
            tape.watch(image)
            values = self._terms.of_picture(image)
            total = tf.add_n([tf.zeros([]), *values.values()])
        return values, tape.gradient(total, image, unconnected_gradients="zero")


def _cut_out(
    masks: Sequence[np.ndarray], sums: Sequence[Mapping[str, tf.Tensor]], tile: Tile
) -> list[tuple[tf.Tensor, Mapping[str, tf.Tensor]]]:
    """Regions where a tile counts; poolings' windows end where it does."""
    return [(tf.constant(mask[tile.own]), total) for mask, total in zip(masks, sums, strict=True)]


def _share(features: Features, layer: str, size: tf.Tensor) -> tf.Tensor:
    """The share of a layer's positions that a piece has."""
    own = tf.reduce_prod(tf.shape(features[layer])[1:3])
    return tf.cast(own, tf.float32) / tf.cast(tf.reduce_prod(size // stride(layer)), tf.float32)


def _sum_of_squares(features: np.ndarray) -> float:
    """Added up in float64 from row to row."""
    return sum(float(np.vdot(row, row)) for row in features[0])
