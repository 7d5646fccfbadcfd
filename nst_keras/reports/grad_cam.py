"""Where a classifier looked: Grad-CAM place by place (LayerCAM, Jiang et al. 2021), laid over pictures."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from nst_keras.pictures.resizing import resize
from nst_keras.reports.look import ORANGE, in_our_look, new_figure, shorten, show_picture

_COLUMNS = 4
_LEAST_PLACES = 7  # along each side of a map; of small pictures the last map has too few to show anything
_SIDE = 224  # least longest side at which a picture is shown, in pixels
_PAPER = 235  # what pale parts come near to


def grad_cam(features: keras.Model, head: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Returns how much each place of pictures, uint8 [n, height, width, channels], spoke for classes [n].

    Of the base's last map with enough places, each number is weighted by the gradient of the class's logit
    where that is positive, and channels are added up: float32 [n, rows, columns] of the map's size, 0..1; all
    0 where nothing speaks for the class.
    """
    (base,) = (layer for layer in features.layers if isinstance(layer, keras.Model))
    before = features.layers[features.layers.index(base) - 1]
    pixels = keras.Model(features.input, before.output)(tf.cast(images, tf.float32), training=False)
    poolings = [layer for layer in features.layers if layer.name in ("average", "max")]
    inside = keras.Model(base.input, [_last_fine_map(base, pixels[:1]), base.output])
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        fine, last = inside(pixels, training=False)
        vectors = [_with_length_one(pooling(last)) for pooling in poolings]
        logits = head(tf.concat(vectors, axis=-1), training=False)
        score = tf.reduce_sum(tf.gather(logits, classes, batch_dims=1))
    heat = tf.nn.relu(tf.reduce_sum(tf.nn.relu(tape.gradient(score, fine)) * fine, axis=-1)).numpy()
    return heat / np.maximum(heat.max(axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny)


def _last_fine_map(base: keras.Model, pixels: tf.Tensor) -> keras.KerasTensor:
    """The output of the last layer with a map of enough places; the first layer's if none has."""
    outputs = [layer.output for layer in base.layers[1:]]
    maps = [output for output in outputs if isinstance(output, keras.KerasTensor) and len(output.shape) == 4]
    sizes = [min(values.shape[1:3]) for values in keras.Model(base.input, maps)(pixels, training=False)]
    fine = [output for output, size in zip(maps, sizes, strict=True) if size >= _LEAST_PLACES]
    return fine[-1] if fine else maps[0]


def _with_length_one(vectors: tf.Tensor) -> tf.Tensor:
    """The length counts as fixed: otherwise what speaks for a class would add up to 0 over the picture."""
    lengths = tf.norm(vectors, axis=-1, keepdims=True)
    return vectors / tf.stop_gradient(tf.maximum(lengths, np.finfo(np.float32).tiny))


@in_our_look
def draw_grad_cam(images: np.ndarray, heat: np.ndarray, titles: Sequence[str]) -> Figure:
    """Shows pictures, uint8 [n, height, width, channels], pale without heat of `grad_cam`, framed at half."""
    rows = -(-len(images) // _COLUMNS)
    figure = new_figure(2.3 * _COLUMNS, 2.7 * rows)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image, spots, title in zip(grid.flat, images, heat, titles, strict=False):
        factor = -(-_SIDE // max(image.shape[:2]))  # a small picture's pixels stay; its heat gets smooth
        image = image.repeat(factor, axis=0).repeat(factor, axis=1)
        height, width = image.shape[:2]
        shade = np.clip(resize(spots[..., None].astype(np.float32), height, width), 0, 1)
        pale = _PAPER + 0.4 * (image.mean(axis=-1, keepdims=True) - _PAPER)
        show_picture(axes, (shade * image + (1 - shade) * pale).astype(np.uint8))
        if shade.min() < 0.5 < shade.max():
            axes.contour(shade[..., 0], levels=[0.5], colors=[ORANGE], linewidths=2)
        axes.set_title(shorten(title, 28), fontsize=8)
    return figure
