"""Neural neighbour style transfer: each place of a picture is drawn to the place of the style most like it.

Kolkin et al. 2022, "Neural Neighbor Style Transfer" (arXiv:2203.13215), with the layers of VGG-19 that are
named as the paper's of VGG-16.
"""

import itertools
from collections.abc import Mapping, Sequence

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

    def trace(self) -> None:
        """Traces what else the first call would; afterwards threads may share the object."""
        tiny = np.zeros([16, 16, 3], np.float32)
        for evaluate in (
            self.matched_once(tiny, [tiny], [1.0], 0)[1],
            self.matched_each_step([tiny], [1.0], 0, 0)[1],
        ):
            evaluate(tf.constant(tiny[np.newaxis]))

    def matched_once(
        self, like: np.ndarray, styles: Sequence[np.ndarray], shares: Sequence[float], seed: int
    ) -> tuple[Sequence[str], Evaluate]:
        """Names of the loss's terms, and the loss: how far from the neighbours of a picture's features.

        What is compared are hypercolumns, all layers' features at a place. The pictures are float32
        [H, W, 3] on 0..255, that to be `like` as large as those that will be evaluated.
        """
        rng = np.random.default_rng(seed)
        keys = _sampled([self._columns(style[np.newaxis]) for style in styles], shares, _STYLE_PLACES, rng)
        queries = self._columns(like[np.newaxis])
        nearest = nearest_rows(centered_unit_rows(queries), centered_unit_rows(keys))
        targets = unit_rows(tf.gather(keys, nearest))
        return (_TERM,), lambda image: self._column_step(image, targets)

    def matched_each_step(
        self, styles: Sequence[np.ndarray], shares: Sequence[float], seed: int, step: int
    ) -> tuple[Sequence[str], Evaluate]:
        """Likewise, layer by layer: each step finds the neighbours of a grid of places, shifted at random.

        The shifts follow from the seed and the number of the step, which begins at `step`.
        """
        rng = np.random.default_rng(seed)
        looks = [self._features(style[np.newaxis]) for style in styles]
        keys = {
            name: centered_unit_rows(
                _sampled([_rows(look[name]) for look in looks], shares, _LAYER_PLACES, rng)
            )
            for name in NEIGHBOR_LAYERS
        }
        steps = itertools.count(step)

        def evaluate(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            shifts = np.random.default_rng([seed, next(steps)]).random((len(keys), 2), np.float32)
            return self._layer_step(image, keys, tf.constant(shifts))

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
        self, image: tf.Tensor, keys: Mapping[str, tf.Tensor], shifts: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(image)
            terms = []
            for (name, features), shift in zip(self._look(image).items(), tf.unstack(shifts), strict=True):
                rows = centered_unit_rows(_rows(_grid(features, shift)))
                similar = tf.matmul(tf.stop_gradient(rows), keys[name], transpose_b=True)
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
