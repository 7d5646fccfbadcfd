"""A classifier as a SavedModel that needs nothing of ours: pictures in, class names and probabilities out."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from nst_keras import __version__
from nst_keras.ops.fitting import fit_pixels
from nst_keras.served.module import describe_with


def export_classifier(
    model: keras.Model,
    folder: Path,
    *,
    class_names: Sequence[str],
    image_size: tuple[int, int],
    temperature: float = 1.0,
    card: Mapping[str, Any] | None = None,
) -> None:
    """Writes a SavedModel with three signatures.

    Two give, for each picture, `class_name`, `probability`, and `probabilities` of all classes in the order
    of `class_names`, which lie inside.

    - `serving_default`: `image`, float32 pixels 0..255 [batch, height, width, channels].
    - `serve_image_bytes`: `image_bytes`, encoded pictures [batch] of any sizes, JPEG, PNG, GIF (first frame)
      or BMP; each is cut and resized to `image_size` as in training.
    - `describe`: `request`, any strings [batch], to `description`, the model card as JSON, for each: classes,
      size of pictures, and what `card` says, plain values.

    The temperature divides the logits before the softmax, so that probabilities are calibrated.
    """
    channels = model.input_shape[-1]
    archive = keras.export.ExportArchive()
    archive.track(model)

    def answer(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = tf.nn.softmax(model(pixels, training=False) / temperature)
        names = tf.gather(tf.constant(list(class_names)), tf.argmax(probabilities, axis=-1))
        most = tf.reduce_max(probabilities, axis=-1)
        return {"class_name": names, "probability": most, "probabilities": probabilities}

    def decode(data: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_image(data, channels=channels, expand_animations=False)
        image.set_shape([None, None, channels])
        return tf.cast(fit_pixels(image, *image_size), tf.float32)

    def answer_bytes(data: tf.Tensor) -> dict[str, tf.Tensor]:
        spec = tf.TensorSpec([*image_size, channels], tf.float32)
        return answer(tf.map_fn(decode, data, fn_output_signature=spec))

    shape = [None, *model.input_shape[1:]]
    archive.add_endpoint("serving_default", answer, [tf.TensorSpec(shape, tf.float32, name="image")])
    bytes_spec = tf.TensorSpec([None], tf.string, name="image_bytes")
    archive.add_endpoint("serve_image_bytes", answer_bytes, [bytes_spec])
    description = {
        **(card or {}),
        "program": f"nst_keras {__version__}",
        "class_names": list(class_names),
        "image_shape": [*image_size, channels],
    }
    archive.add_endpoint("describe", *describe_with(json.dumps(description, sort_keys=True)))
    archive.write_out(folder, verbose=False)
