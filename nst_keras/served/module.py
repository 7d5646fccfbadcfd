"""What the exports of pictures share: encoding, and writing a module with its signatures."""

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import fingerprint_pb2

from nst_keras.errors import require_choice
from nst_keras.served import IMAGE_FORMATS
from nst_keras.storage.files import write_whole

_JPEG_QUALITY = 95

# A small picture file to warm a model up with.
GRAY_SIDE = 64  # pixels
_buffer = io.BytesIO()
Image.new("RGB", (GRAY_SIDE, GRAY_SIDE), "gray").save(_buffer, "PNG")
GRAY_PNG = _buffer.getvalue()

Endpoint = tuple[Callable[..., Any], Sequence[tf.TensorSpec]]


def picture_encoder(image_format: str) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns a function from float32 [height, width, 3] on 0..255 to the bytes of a file."""
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


def saved_variables(variables: Sequence[Any]) -> list[tf.Variable]:
    """What a module must hold so that a network's weights are saved: TensorFlow's own variables.

    Of Keras', a copy would be saved besides, which C++ loaders fill instead of what the functions read.
    """
    return [each.value if isinstance(each, keras.Variable) else each for each in variables]


def traced_once(function: Callable[..., Any], specs: Sequence[tf.TensorSpec]) -> Any:
    """A `tf.function` that endpoints may share: its graph is made, saved and loaded once.

    Served graphs have TensorFlow's own conditions and loops alone, so none are looked for.
    """
    return tf.function(function, input_signature=list(specs), autograph=False)


def write_module(module: tf.Module, folder: Path, endpoints: Mapping[str, Endpoint]) -> None:
    """Traces the endpoints and writes the SavedModel of a module that holds their variables.

    In fresh processes, equal models give equal files; in one process, TensorFlow numbers functions on.
    """
    signatures = {
        name: traced_once(function, specs).get_concrete_function()
        for name, (function, specs) in endpoints.items()
    }
    # The traced functions must be found from the module, or their variables aren't saved.
    module.signatures_ = signatures
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(folder), signatures=signatures, options=options)
    _settle_fingerprint(folder)


def _settle_fingerprint(folder: Path) -> None:
    """Gives equal models equal fingerprints: TensorFlow puts a random number into each."""
    path = folder / "fingerprint.pb"
    fingerprint = fingerprint_pb2.FingerprintDef.FromString(path.read_bytes())
    fingerprint.uuid = ""
    digest = hashlib.sha256(fingerprint.SerializeToString(deterministic=True)).digest()
    fingerprint.uuid = str(int.from_bytes(digest[:16], "big"))
    write_whole(path, fingerprint.SerializeToString(deterministic=True))
