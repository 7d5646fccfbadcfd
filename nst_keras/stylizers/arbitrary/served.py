"""A stylizer of any painting as a SavedModel that needs nothing of ours."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from nst_keras.models.arbitrary_style import CODE_LAYER, MIN_SIDE
from nst_keras.ops.blending import apply_strength
from nst_keras.ops.instance_statistics import instance_statistics
from nst_keras.served.module import describe_with, picture_encoder, write_module
from nst_keras.served.picture_checks import (
    check_longest_side,
    check_pixels,
    check_strength,
    checked,
    decode_picture,
    dimensions,
    limited,
    one_each,
)

# Of files; they are made smaller before the network sees them.
_MAX_FILE_PIXELS = 2**24


class _ServedStylizer(tf.Module):
    """The signatures, and the weights that they use."""

    def __init__(self, model: keras.Model, style_size: int, image_format: str, max_pixels: int) -> None:
        super().__init__()
        self._model, self._style_size, self._max_pixels = model, style_size, max_pixels
        self._variables = model.weights  # so that they are saved
        self._encode = picture_encoder(image_format)

    def paint(self, image: tf.Tensor, style_image: tf.Tensor, strength: tf.Tensor) -> dict[str, tf.Tensor]:
        """Pixels in, pixels out."""
        image = check_pixels(image, "image", self._max_pixels, MIN_SIDE)
        style_image = check_pixels(style_image, "style_image", self._max_pixels, MIN_SIDE)
        count = tf.shape(image, tf.int64)[0]
        style_image = one_each(style_image, count, "style_image", "picture")
        return {"image": self._painted(image, style_image, check_strength(strength, count))}

    def paint_bytes(
        self,
        image_bytes: tf.Tensor,
        style_image_bytes: tf.Tensor,
        strength: tf.Tensor,
        longest_side: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Files in, files out; pictures of a batch may have different sizes."""
        count = tf.shape(image_bytes, tf.int64)[0]
        for_each = (
            tf.range(count),
            image_bytes,
            one_each(style_image_bytes, count, "style_image_bytes", "file"),
            check_strength(strength, count),
            check_longest_side(longest_side, count),
        )
        return {"image_bytes": tf.map_fn(self._paint_file, for_each, fn_output_signature=tf.string)}

    def _paint_file(self, one: tuple[tf.Tensor, ...]) -> tf.Tensor:
        index, data, style_data, strength, longest_side = one
        most = max(self._max_pixels, _MAX_FILE_PIXELS)
        image = decode_picture(data, index, most, MIN_SIDE)
        style = decode_picture(style_data, index, most, MIN_SIDE, "style picture")
        image = self._paintable(limited(image, longest_side, MIN_SIDE), index)
        return self._encode(self._painted(image[None], style[None], strength[None])[0])

    def _paintable(self, image: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        size = tf.shape(image, tf.int64)[:2]
        limits = f" must have at most {self._max_pixels} pixels when it is painted (see longest_side)"
        words = ["picture ", tf.strings.as_string(index), limits, ". Received: ", dimensions(size[::-1])]
        return checked(image, tf.reduce_prod(size) <= self._max_pixels, words)

    def _painted(self, image: tf.Tensor, style: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
        # Strokes are learnt at the size that paintings had in training.
        style = limited(style, tf.constant(self._style_size), MIN_SIDE)
        mean, deviation = instance_statistics(self._model.get_layer("encoder")(style)[CODE_LAYER])
        inputs = {"mean": mean, "deviation": deviation, "strength": tf.ones([tf.shape(image)[0], 1, 1, 1])}
        painted = self._model({"image": image, **inputs}, training=False)
        return apply_strength(image, painted, strength)


def export_arbitrary_stylizer(
    model: keras.Model,
    folder: Path,
    *,
    style_size: int,
    card: Mapping[str, Any],
    image_format: str = "png",
    max_pixels: int = 2048 * 2048,
) -> None:
    """Writes a SavedModel with three signatures.

    - `serving_default`: `image`, float32 [batch, height, width, 3], RGB on 0..255, `style_image`, as many,
      and `strength` float32 [batch], to `image`, the same shape as it came.
    - `serve_image_bytes`: `image_bytes` and `style_image_bytes`, PNG or JPEG files [batch] of any sizes,
      `strength`, and `longest_side` int32 [batch] to which larger photos are shrunk (0: not), to
      `image_bytes`.
    - `describe`: `request`, any strings [batch], to `description`, the model card as JSON, for each.

    Whatever is wrong with an input ends the call with INVALID_ARGUMENT and a sentence that says what.

    Args:
        model: As `models.arbitrary_style.assemble` puts it together.
        folder: Must not exist.
        style_size: Longest side of paintings, in pixels; larger ones are made smaller.
        card: What `describe` tells besides, plain values.
        image_format: "png" or "jpeg", of the pictures that `serve_image_bytes` gives.
        max_pixels: Largest height times width of a picture that is painted.
    """
    description = {
        **card,
        "style_size": style_size,
        "image_format": image_format,
        "max_pixels": max_pixels,
        "min_side": MIN_SIDE,
    }
    module = _ServedStylizer(model, style_size, image_format, max_pixels)
    pixels = [tf.TensorSpec([None, None, None, 3], name=name) for name in ("image", "style_image")]
    files = [tf.TensorSpec([None], tf.string, name=name) for name in ("image_bytes", "style_image_bytes")]
    strength = tf.TensorSpec([None], name="strength")
    side = tf.TensorSpec([None], tf.int32, name="longest_side")
    write_module(
        module,
        folder,
        {
            "serving_default": (module.paint, [*pixels, strength]),
            "serve_image_bytes": (module.paint_bytes, [*files, strength, side]),
            "describe": describe_with(json.dumps(description, sort_keys=True)),
        },
    )
