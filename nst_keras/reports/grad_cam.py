"""Where a classifier looked: Grad-CAM (Selvaraju et al. 2017) laid over pictures."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from nst_keras.pictures.resizing import resize
from nst_keras.reports.look import in_our_look, new_figure, shorten, show_picture

_COLUMNS = 4


def grad_cam(features: keras.Model, head: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Returns how much each place of pictures, uint8 [n, height, width, channels], spoke for classes [n].

    The channels of the base's last map are weighted by the mean gradient of the class's logit, added up, and
    what speaks against the class is cut off: float32 [n, rows, columns] of the map's size, 0..1; all 0 where
    nothing speaks for the class.
    """
    poolings = [layer for layer in features.layers if layer.name in ("average", "max")]
    to_map = keras.Model(features.input, poolings[0].input)
    with tf.GradientTape() as tape:
        maps = to_map(tf.cast(images, tf.float32), training=False)
        tape.watch(maps)
        vectors = [_with_length_one(pooling(maps)) for pooling in poolings]
        logits = head(tf.concat(vectors, axis=-1), training=False)
        score = tf.reduce_sum(tf.gather(logits, classes, batch_dims=1))
    weights = tf.reduce_mean(tape.gradient(score, maps), axis=(1, 2), keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy()
    return heat / np.maximum(heat.max(axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny)


def _with_length_one(vectors: tf.Tensor) -> tf.Tensor:
    """The length counts as fixed: otherwise what speaks for a class would add up to 0 over the picture."""
    lengths = tf.norm(vectors, axis=-1, keepdims=True)
    return vectors / tf.stop_gradient(tf.maximum(lengths, np.finfo(np.float32).tiny))


@in_our_look
def draw_grad_cam(images: np.ndarray, heat: np.ndarray, titles: Sequence[str]) -> Figure:
    """Shows pictures, uint8 [n, height, width, channels], dimmed where `grad_cam` has no heat."""
    rows = -(-len(images) // _COLUMNS)
    figure = new_figure(2.3 * _COLUMNS, 2.7 * rows)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image, spots, title in zip(grid.flat, images, heat, titles, strict=False):
        height, width = image.shape[:2]
        shade = np.clip(resize(spots[..., None].astype(np.float32), height, width), 0, 1)
        show_picture(axes, (image * (0.25 + 0.75 * shade)).astype(np.uint8))
        axes.set_title(shorten(title, 28), fontsize=8)
    return figure
