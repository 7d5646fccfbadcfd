"""What the exports of pictures share: encoding, and writing a module with its signatures."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from nst_keras.errors import require_choice
from nst_keras.export.image_formats import IMAGE_FORMATS

_JPEG_QUALITY = 95

Endpoint = tuple[Callable[..., Any], Sequence[tf.TensorSpec]]


def picture_encoder(image_format: str) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns a function from float32 [height, width, 3] on 0..255 to the bytes of a file.

    Raises:
        InputError: If the format isn't one of `IMAGE_FORMATS`.
    """
    require_choice("image_format", image_format, IMAGE_FORMATS)

    def encode(image: tf.Tensor) -> tf.Tensor:
        pixels = tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), tf.uint8)
        if image_format == "png":
            return tf.io.encode_png(pixels)
        return tf.io.encode_jpeg(pixels, quality=_JPEG_QUALITY, chroma_downsampling=False)

    return encode


def describe_with(card: str) -> Endpoint:
    """The endpoint `describe`: whatever it is asked, it gives the model card.

    TensorFlow Serving's REST interface refuses signatures without an input, so there is one.
    """

    def describe(request: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"description": tf.fill(tf.shape(request), card)}

    return describe, [tf.TensorSpec([None], tf.string, name="request")]


def write_module(module: tf.Module, folder: Path, endpoints: Mapping[str, Endpoint]) -> None:
    """Traces the endpoints and writes the SavedModel.

    Args:
        module: Holds the variables.
        folder: Must not exist.
        endpoints: Function and input signature of each, by the name that clients use.
    """
    signatures = {
        name: tf.function(function, input_signature=list(specs)).get_concrete_function()
        for name, (function, specs) in endpoints.items()
    }
    # The traced functions must be found from the module, or their variables aren't saved.
    module.signatures_ = signatures
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(folder), signatures=signatures, options=options)
