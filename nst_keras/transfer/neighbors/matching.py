"""Neural neighbour style transfer: each place of a picture is drawn to the place of the style most like it.

Kolkin et al. 2022, "Neural Neighbor Style Transfer" (arXiv:2203.13215), with the layers of VGG-19 that are
named as the paper's of VGG-16.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from nst_keras.losses.settings import LossSettings
from nst_keras.models.vgg19 import feature_network
from nst_keras.models.vgg19_layout import CONV_SHAPES, VGG19Weights
from nst_keras.ops.laplacian_pyramid import join_bands, split_bands
from nst_keras.ops.nearest import centered_unit_rows, nearest_rows, unit_rows
from nst_keras.ops.preprocessing import preprocess
from nst_keras.transfer.optimizers import Evaluate

NEIGHBOR_LAYERS = tuple(
    f"relu{block}_{number}"
    for block, depth in ((1, 2), (2, 2), (3, 3), (4, 3))
    for number in range(1, depth + 1)
)
# A place stands for so many pixels along each side.
_PIXELS = 4
# Places of the style that are compared at most; beyond, a sample of them.
_STYLE_PLACES = 2**15
# Places along the longest side of a layer that are looked at in a step of the last pass, and those of the
# style that each is compared with.
_GRID, _LAYER_PLACES = 64, 4096
# Hypercolumns of a picture that are held at once: themselves, of length 1, targets, gradients.
_COPIES = 4
# Finest bands that the first picture does without.
_BLURRED_BANDS = 3

_TERM = "neighbors"


class Palette(NamedTuple):
    """What a part of a picture is painted after.

    Attributes:
        styles: float32 [H, W, 3] on 0..255, of any sizes.
        shares: Of each.
        masks: Of each, how much of its places belong to it, float32 [H, W] on 0..1; None if all do.
    """

    styles: Sequence[np.ndarray]
    shares: Sequence[float]
    masks: Sequence[np.ndarray | None]


class NeighborObjective:
    """Distance of a picture's features to their nearest neighbours in styles, and its gradient.

    Like `Objective`, an object serves any number of pictures of any size.

    Attributes:
        mean_pixel: The network's mean colour, RGB on 0..255.
    """

    def __init__(self, weights: VGG19Weights, settings: LossSettings, *, convolution: str = "auto") -> None:
        self.mean_pixel = weights.mean_pixel
        self._network = feature_network(
            weights, NEIGHBOR_LAYERS, pooling=settings.pooling, edges=settings.edges, convolution=convolution
        )
        image = tf.TensorSpec([1, None, None, 3])
        channels = {name: output.shape[-1] for name, output in self._network.output.items()}
        self._features = tf.function(self._look, [image])
        self._columns = tf.function(self._look_up, [image])
        column = tf.TensorSpec([None, sum(channels.values())])
        self._column_step = tf.function(self._column_loss_and_gradient, [image, column])
        keys = {name: tf.TensorSpec([None, count]) for name, count in channels.items()}
        shifts = tf.TensorSpec([len(channels), 2])
        self._layer_step = tf.function(self._layer_loss_and_gradient, [image, keys, shifts])
        labels = tf.TensorSpec([None, None], tf.int32), dict.fromkeys(keys, tf.TensorSpec([None], tf.int32))
        self._layer_step_in_parts = tf.function(self._layer_loss_and_gradient, [image, keys, shifts, labels])

    def trace(self) -> None:
        """Traces what else the first call would; afterwards threads may share the object."""
        tiny = np.zeros([16, 16, 3], np.float32)
        palettes = [Palette([tiny], [1.0], [None])]
        for evaluate in (
            self.matched_once(tiny, palettes, 0)[1],
            self.matched_each_step(palettes, 0, 0)[1],
        ):
            evaluate(tf.constant(tiny[np.newaxis]))

    def matched_once(
        self, like: np.ndarray, palettes: Sequence[Palette], seed: int, parts: np.ndarray | None = None
    ) -> tuple[Sequence[str], Evaluate]:
        """Names of the loss's terms, and the loss: how far from the neighbours of a picture's features.

        What is compared are hypercolumns, all layers' features at a place.

        Args:
            like: float32 [H, W, 3] on 0..255, as large as the pictures that will be evaluated.
            palettes: One, or one for each part of the picture.
            seed: Of the sample that is taken of many places.
            parts: Which palette each place is painted after, int32 [H, W], if there are several.
        """
        rng = np.random.default_rng(seed)
        queries = self._columns(like[np.newaxis])
        units = centered_unit_rows(queries)
        size = [max(side // _PIXELS, 1) for side in like.shape[:2]]
        labels = np.zeros(len(queries), np.int32) if parts is None else _at(parts, size).ravel()
        targets = np.zeros(queries.shape, np.float32)
        for number, palette in enumerate(palettes):
            looks = [self._columns(style[np.newaxis]) for style in palette.styles]
            sizes = [[max(side // _PIXELS, 1) for side in style.shape[:2]] for style in palette.styles]
            keys = _sampled(
                _masked(looks, palette.masks, sizes), palette.shares, _STYLE_PLACES // len(palettes), rng
            )
            here = np.flatnonzero(labels == number)
            if len(here):
                nearest = nearest_rows(tf.gather(units, here), centered_unit_rows(keys))
                targets[here] = unit_rows(tf.gather(keys, nearest))
        goal = tf.constant(targets)
        return (_TERM,), lambda image: self._column_step(image, goal)

    def matched_each_step(
        self, palettes: Sequence[Palette], seed: int, step: int, parts: np.ndarray | None = None
    ) -> tuple[Sequence[str], Evaluate]:
        """Likewise, layer by layer: each step finds the neighbours of a grid of places, shifted at random.

        The shifts follow from the seed and the number of the step, which begins at `step`.
        """
        rng = np.random.default_rng(seed)
        looks = [[self._features(style[np.newaxis]) for style in palette.styles] for palette in palettes]
        keys, key_parts = {}, {}
        for name in NEIGHBOR_LAYERS:
            found = []
            for palette, seen in zip(palettes, looks, strict=True):
                sizes = [list(look[name].shape[1:3]) for look in seen]
                rows = _masked([_rows(look[name]) for look in seen], palette.masks, sizes)
                sample = _sampled(rows, palette.shares, _LAYER_PLACES // len(palettes), rng)
                found.append(centered_unit_rows(sample))
            keys[name] = tf.concat(found, 0)
            key_parts[name] = tf.repeat(np.arange(len(found), dtype=np.int32), [len(rows) for rows in found])
        steps = itertools.count(step)

        def evaluate(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            shifts = np.random.default_rng([seed, next(steps)]).random((len(keys), 2), np.float32)
            if parts is None:
                return self._layer_step(image, keys, tf.constant(shifts))
            return self._layer_step_in_parts(image, keys, tf.constant(shifts), (parts, key_parts))

        return [f"{_TERM}/{name}" for name in keys], evaluate

    def _look(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._network(preprocess(image, self.mean_pixel))

    def _look_up(self, image: tf.Tensor) -> tf.Tensor:
        """Hypercolumns, a row a place: features of all layers, each layer's divided by its channels."""
        size = tf.maximum(tf.shape(image)[1:3] // _PIXELS, 1)
        features = self._look(image)
        resized = [tf.image.resize(layer, size) / layer.shape[-1] for layer in features.values()]
        return _rows(tf.concat(resized, -1))

    def _column_loss_and_gradient(
        self, image: tf.Tensor, targets: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = 1 - tf.reduce_mean(tf.reduce_sum(unit_rows(self._look_up(image)) * targets, 1))
        return loss, loss[tf.newaxis], tape.gradient(loss, image)

    def _layer_loss_and_gradient(
        self,
        image: tf.Tensor,
        keys: Mapping[str, tf.Tensor],
        shifts: tf.Tensor,
        labels: tuple[tf.Tensor, Mapping[str, tf.Tensor]] | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """With `labels`, the parts of the picture's places and of the keys, neighbours share a part."""
        with tf.GradientTape() as tape:
            tape.watch(image)
            terms = []
            for (name, features), shift in zip(self._look(image).items(), tf.unstack(shifts), strict=True):
                rows = centered_unit_rows(_rows(_grid(features, shift)))
                similar = tf.matmul(tf.stop_gradient(rows), keys[name], transpose_b=True)
                if labels is not None:
                    parts = _at(labels[0], tf.shape(features)[1:3])
                    here = tf.reshape(_grid(parts[tf.newaxis, ..., tf.newaxis], shift), [-1, 1])
                    similar = tf.where(here == labels[1][name], similar, -2.0)  # less than any cosine
                targets = tf.gather(keys[name], tf.argmax(similar, 1))
                terms.append(1 - tf.reduce_mean(tf.reduce_sum(rows * targets, 1)))
            total = tf.add_n(terms)
        return total, tf.stack(terms), tape.gradient(total, image)


def floats_of_matching(height: int, width: int) -> int:
    """Numbers held at a time, besides the network's, while neighbours are sought and stepped towards."""
    channels = sum(CONV_SHAPES[name.replace("relu", "conv")][-1] for name in NEIGHBOR_LAYERS)
    places = height * width // _PIXELS**2
    return channels * (_COPIES * places + 2 * min(places, _STYLE_PLACES))


def first_picture(content: np.ndarray) -> np.ndarray:
    """The content without its details, float32 [H, W, 3], to begin the smallest size with."""
    bands = split_bands(tf.constant(content[np.newaxis]))
    for number in range(min(_BLURRED_BANDS, len(bands) - 1)):
        bands[number] = tf.zeros_like(bands[number])
    return join_bands(bands)[0].numpy()


def picture_to_match(content: np.ndarray, painted: np.ndarray, content_share: float) -> np.ndarray:
    """Mixes the content with the picture so far, which gets the content's finest band; all [H, W, 3]."""
    finest = split_bands(tf.constant(content[np.newaxis]))[0]
    coarser = split_bands(tf.constant(painted[np.newaxis]))[1:]
    sharpened = join_bands([finest, *coarser])[0].numpy()
    return content_share * content + (1 - content_share) * sharpened


def _at(values: np.ndarray | tf.Tensor, size: Sequence[int] | tf.Tensor) -> np.ndarray | tf.Tensor:
    """Numbers of places, [H, W], at fewer of them: the nearest ones."""
    nearest = tf.image.resize(values[..., np.newaxis], size, "nearest")[..., 0]
    return nearest if isinstance(values, tf.Tensor) else nearest.numpy()


def _masked(
    looks: Sequence[tf.Tensor], masks: Sequence[np.ndarray | None], sizes: Sequence[Sequence[int]]
) -> list[tf.Tensor]:
    """The rows of pictures' places of some sizes that belong to their masks: half or more, or the most."""
    kept = []
    for rows, mask, size in zip(looks, masks, sizes, strict=True):
        if mask is None:
            kept.append(rows)
            continue
        share = tf.image.resize(mask[..., np.newaxis], size).numpy().ravel()
        kept.append(tf.gather(rows, np.flatnonzero(share >= min(0.5, share.max()))))
    return kept


def _rows(features: tf.Tensor) -> tf.Tensor:
    return tf.reshape(features, [-1, features.shape[-1]])


def _grid(features: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
    """Every so many places; a shift of 0..1 moves them by up to the distance between two."""
    stride = tf.maximum(tf.reduce_max(tf.shape(features)[1:3]) // _GRID, 1)
    top, left = tf.unstack(tf.cast(shift * tf.cast(stride, tf.float32), tf.int32))
    # TensorFlow forgets the channels where a stride is a tensor.
    return tf.ensure_shape(features[:, top::stride, left::stride], [1, None, None, features.shape[-1]])


def _sampled(
    parts: Sequence[tf.Tensor], shares: Sequence[float], most: int, rng: np.random.Generator
) -> tf.Tensor:
    """Rows of all parts, at most so many; parts with half the share of another keep half of theirs."""
    kept = [share / max(shares) * part.shape[0] for part, share in zip(parts, shares, strict=True)]
    fraction = min(1.0, most / sum(kept))
    rows = []
    for part, count in zip(parts, kept, strict=True):
        places = rng.permutation(part.shape[0])[: int(np.ceil(count * fraction))]
        rows.append(tf.gather(part, np.sort(places)))
    return tf.concat(rows, 0)
