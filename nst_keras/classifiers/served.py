"""A classifier as a SavedModel that needs nothing of ours: pictures in, class names and probabilities out."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from nst_keras import __version__
from nst_keras.ops.fitting import fit_pixels
from nst_keras.served.module import describe_with, saved_variables, write_module
from nst_keras.served.picture_checks import Limits, check_count
from nst_keras.served.picture_files import FILES, check_files, decode_file

_MAX_PIXELS = 2**24  # of a file
# What a network holds in memory grows with the pixels that it sees at once.
_SEEN_PIXELS, _MAX_PICTURES = 2**22, 1024


def export_classifier(
    model: keras.Model,
    folder: Path,
    *,
    class_names: Sequence[str],
    image_size: tuple[int, int],
    temperature: float = 1.0,
    card: Mapping[str, Any] | None = None,
    max_pixels: int = 0,
    max_pictures: int = 0,
) -> None:
    """Writes a SavedModel with three signatures.

    Two give, for each picture, `class_name`, `probability`, and `probabilities` of all classes in the order
    of `class_names`, which lie inside.

    - `serving_default`: `image`, float32 pixels 0..255 [batch, height, width, channels].
    - `serve_image_bytes`: `image_bytes`, PNG or JPEG files [batch] of any sizes; each is turned upright,
      cut and resized to `image_size` as in training.
    - `describe`: `request`, any strings [batch], to `description`, the model card as JSON, for each: classes,
      size of pictures, and what `card` says, plain values.

    A request may hold `max_pictures` (0: as many as have 4 Mi pixels at `image_size`, at most 1024). A file
    may have `max_pixels` (0: 16 Mi), and all of a request 16 times as many. What is more ends the call with
    INVALID_ARGUMENT before anything is decoded.

    The temperature divides the logits before the softmax, so that probabilities are calibrated.
    """
    channels = model.input_shape[-1]
    fitting = max(1, min(_MAX_PICTURES, _SEEN_PIXELS // (image_size[0] * image_size[1])))
    limits = Limits(max_pixels or _MAX_PIXELS, max_pixels or _MAX_PIXELS, 1, max_pictures or fitting)

    def answer(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = tf.nn.softmax(model(check_count(pixels, limits), training=False) / temperature)
        names = tf.gather(tf.constant(list(class_names)), tf.argmax(probabilities, axis=-1))
        most = tf.reduce_max(probabilities, axis=-1)
        return {"class_name": names, "probability": most, "probabilities": probabilities}

    def decode(data: tf.Tensor) -> tf.Tensor:
        pixels = tf.cast(decode_file(data, channels), tf.uint8)
        return tf.cast(fit_pixels(pixels, *image_size), tf.float32)

    def answer_bytes(data: tf.Tensor) -> dict[str, tf.Tensor]:
        spec = tf.TensorSpec([*image_size, channels], tf.float32)
        files = check_files(data, limits)
        return answer(tf.map_fn(decode, files, fn_output_signature=spec, parallel_iterations=1))

    description = {
        **(card or {}),
        "program": f"nst_keras {__version__}",
        "class_names": list(class_names),
        "image_shape": [*image_size, channels],
        "image_bytes": FILES,
        "max_pixels": limits.file_pixels,
        "max_pictures": limits.pictures,
        "max_request_pixels": limits.all_file_pixels,
    }
    image = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32, name="image")
    module = tf.Module()
    module.variables_ = saved_variables(model.variables)
    write_module(
        module,
        folder,
        {
            "serving_default": (answer, [image]),
            "serve_image_bytes": (answer_bytes, [tf.TensorSpec([None], tf.string, name="image_bytes")]),
            "describe": describe_with(json.dumps(description, sort_keys=True)),
        },
    )
