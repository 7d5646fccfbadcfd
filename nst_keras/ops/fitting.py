"""Pictures of any size, made the same size for a network."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

# Longest sides in pixels, unless the user says otherwise: of pictures that all have one size and keep it, and
# of the others, which are made alike.
LONGEST_KEPT_SIDE = 512
LONGEST_DEFAULT_SIDE = 128


def fit_pixels(image: "tf.Tensor", height: int, width: int) -> "tf.Tensor":
    """Cuts the largest centred box of the wanted aspect out of a picture, uint8 [h, w, c], and resizes it.

    Bilinear, anti-aliased when shrinking, rounded.
    """
    import tensorflow as tf

    if image.shape[:2].as_list() == [height, width]:
        return image
    rows, columns = tf.shape(image)[0], tf.shape(image)[1]
    scale = tf.minimum(rows / height, columns / width)
    box_rows = tf.clip_by_value(tf.cast(tf.round(height * scale), tf.int32), 1, rows)
    box_columns = tf.clip_by_value(tf.cast(tf.round(width * scale), tf.int32), 1, columns)
    top, left = (rows - box_rows) // 2, (columns - box_columns) // 2
    box = image[top : top + box_rows, left : left + box_columns]
    resized = tf.image.resize(box, (height, width), antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


def choose_size(sizes: np.ndarray, note: Callable[[str], None]) -> tuple[int, int]:
    """Height and width for pictures of sizes [n, 2]: their own if all have one, else the median, limited.

    Calls `note` with a line of text if pictures will be changed.
    """
    median = np.median(sizes, axis=0)
    if (sizes == median).all() and median.max() <= LONGEST_KEPT_SIDE:
        return int(median[0]), int(median[1])
    limited = np.maximum(1, np.rint(median * min(1.0, LONGEST_DEFAULT_SIDE / median.max())))
    height, width = int(limited[0]), int(limited[1])
    note(f"pictures are cut and resized to {height}x{width} (height x width); --image_size sets another size")
    return height, width
