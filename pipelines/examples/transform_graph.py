"""The transformation of encoded pictures to pixels of one size: a TensorFlow function and its SavedModel."""

from pathlib import Path

import tensorflow as tf

from nst_keras.ops.fitting import fit_pixels
from nst_keras.served.module import write_module

_SPEC = tf.TensorSpec([None], tf.string, name="image_bytes")


class PictureTransform(tf.Module):
    """Cuts and resizes pictures, and makes them gray or RGB, as the stage and the SavedModel both do it."""

    def __init__(self, height: int, width: int, channels: int) -> None:
        super().__init__()
        self.shape = (height, width, channels)
        self._transform = tf.function(self._all, input_signature=[_SPEC])

    def __call__(self, encoded: tf.Tensor) -> tf.Tensor:
        """Encoded PNG or JPEG files [n] to uint8 [n, height, width, channels]."""
        return self._transform(encoded)

    def write(self, folder: Path) -> None:
        """Writes a SavedModel with the signature `transform`, from `image_bytes` to `image`."""

        def transform(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"image": self._transform(image_bytes)}

        write_module(self, folder, {"transform": (transform, [_SPEC])})

    def _all(self, encoded: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(self._one, encoded, fn_output_signature=tf.TensorSpec(self.shape, tf.uint8))

    def _one(self, encoded: tf.Tensor) -> tf.Tensor:
        # Decoders differ in how they make colours gray, so all are decoded as RGB.
        image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        image.set_shape([None, None, 3])
        image = fit_pixels(image, *self.shape[:2])
        return tf.image.rgb_to_grayscale(image) if self.shape[2] == 1 else image
