"""A stylizer as a SavedModel that needs nothing of ours: photos in, paintings out."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from nst_keras.models.multi_style import MIN_SIDE
from nst_keras.ops.blending import apply_strength
from nst_keras.served.module import describe_with, picture_encoder, write_module
from nst_keras.served.picture_checks import (
    check_longest_side,
    check_pixels,
    check_strength,
    checked,
    decode_picture,
    dimensions,
    good_each,
    limited,
)


class _ServedStylizer(tf.Module):
    """The signatures, and the weights that they use."""

    def __init__(self, model: keras.Model, num_styles: int, image_format: str, max_pixels: int) -> None:
        super().__init__()
        self._model, self._num_styles, self._max_pixels = model, num_styles, max_pixels
        self._variables = model.weights  # so that they are saved
        self._encode = picture_encoder(image_format)

    def paint(self, image: tf.Tensor, style_weights: tf.Tensor, strength: tf.Tensor) -> dict[str, tf.Tensor]:
        """Pixels in, pixels out."""
        image = check_pixels(image, "image", self._max_pixels, MIN_SIDE)
        weights, strength = self._checked(tf.shape(image, tf.int64)[0], style_weights, strength)
        painted = self._model({"image": image, "style_weights": weights}, training=False)
        return {"image": apply_strength(image, painted, strength)}

    def paint_bytes(
        self, image_bytes: tf.Tensor, style_weights: tf.Tensor, strength: tf.Tensor, longest_side: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Files in, files out; pictures of a batch may have different sizes."""
        count = tf.shape(image_bytes, tf.int64)[0]
        weights, strength = self._checked(count, style_weights, strength)
        longest_side = check_longest_side(longest_side, count)
        for_each = (tf.range(count), image_bytes, weights, strength, longest_side)
        return {"image_bytes": tf.map_fn(self._paint_file, for_each, fn_output_signature=tf.string)}

    def _paint_file(self, one: tuple[tf.Tensor, ...]) -> tf.Tensor:
        index, data, weights, strength, longest_side = one
        image = decode_picture(data, index, self._max_pixels, MIN_SIDE)
        image = limited(image, longest_side, MIN_SIDE)
        painted = self._model({"image": image[None], "style_weights": weights[None]}, training=False)
        return self._encode(apply_strength(image[None], painted, strength[None])[0])

    def _checked(
        self, count: tf.Tensor, weights: tf.Tensor, strength: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Style weights that add up to 1, and strengths; or a sentence about what is wrong with them."""
        shape = tf.shape(weights, tf.int64)
        words = [f"style_weights must have {self._num_styles} numbers for each picture. Received: shape "]
        fits = (shape[0] == count) & (shape[1] == self._num_styles)
        weights = checked(weights, fits, [*words, dimensions(shape)])
        sums = tf.reduce_sum(weights, axis=1)
        good = tf.reduce_all((weights >= 0) & tf.math.is_finite(weights), axis=1) & (sums > 0)
        weights = good_each(weights, good, "style_weights must be finite, at least 0 and not all 0")
        strength = check_strength(strength, count)
        return tf.reshape(weights, [-1, self._num_styles]) / sums[:, None], strength


def export_stylizer(
    model: keras.Model,
    folder: Path,
    *,
    styles: Sequence[str],
    card: Mapping[str, Any],
    image_format: str = "png",
    max_pixels: int = 4096 * 4096,
) -> None:
    """Writes a SavedModel with three signatures.

    - `serving_default`: `image`, float32 [batch, height, width, 3], RGB on 0..255, `style_weights` float32
      [batch, styles] and `strength` float32 [batch], to `image`, the same shape as it came.
    - `serve_image_bytes`: `image_bytes`, PNG or JPEG files [batch] of any sizes, `style_weights`, `strength`,
      and `longest_side` int32 [batch] to which larger pictures are shrunk (0: not), to `image_bytes`.
    - `describe`: `request`, any strings [batch], to `description`, the model card as JSON, for each.

    Whatever is wrong with an input ends the call with INVALID_ARGUMENT and a sentence that says what.

    Args:
        model: As `models.multi_style` builds it.
        folder: Must not exist.
        styles: Names of the styles, in the order of the weights.
        card: What `describe` tells besides, plain values.
        image_format: "png" or "jpeg", of the pictures that `serve_image_bytes` gives.
        max_pixels: Largest height times width of a picture that is taken.
    """
    description = {
        **card,
        "styles": list(styles),
        "image_format": image_format,
        "max_pixels": max_pixels,
        "min_side": MIN_SIDE,
    }
    text = json.dumps(description, sort_keys=True)
    module = _ServedStylizer(model, len(styles), image_format, max_pixels)
    vector, matrix = tf.TensorSpec([None], name="strength"), tf.TensorSpec([None, None], name="style_weights")
    pixels = tf.TensorSpec([None, None, None, 3], name="image")
    data = tf.TensorSpec([None], tf.string, name="image_bytes")
    side = tf.TensorSpec([None], tf.int32, name="longest_side")
    write_module(
        module,
        folder,
        {
            "serving_default": (module.paint, [pixels, matrix, vector]),
            "serve_image_bytes": (module.paint_bytes, [data, matrix, vector, side]),
            "describe": describe_with(text),
        },
    )
