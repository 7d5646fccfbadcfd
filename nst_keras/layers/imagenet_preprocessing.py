"""What networks trained on ImageNet expect of pixels."""

from typing import Any

import keras
import tensorflow as tf

from nst_keras.errors import require_choice

MODES = ("vgg", "caffe", "tf", "torch", "none")

_MEAN_PIXEL = (123.68, 116.779, 103.939)  # RGB, as in keras.applications' caffe mode


@keras.saving.register_keras_serializable(package="nst_keras")
class ImageNetPreprocessing(keras.layers.Layer):
    """Turns raw pixels into a pretrained network's input; gray pictures become RGB first.

    Args:
        mode: "vgg" subtracts `mean_pixel`; "caffe", "tf" and "torch" are those of
            `keras.applications.imagenet_utils.preprocess_input`; "none" leaves pixels as they are, for
            networks that have their own first layer for it.
        mean_pixel: RGB mean on 0..255, for "vgg".
        **kwargs: As for `keras.layers.Layer`.

    Input shape: [batch, height, width, 1 or 3], 0..255.
    Output shape: [batch, height, width, 3].

    Raises:
        InputError: If there is no such mode.
    """

    def __init__(
        self, mode: str, mean_pixel: tuple[float, float, float] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        require_choice("mode", mode, MODES)
        self.mode = mode
        self.mean_pixel = tuple(mean_pixel or _MEAN_PIXEL)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        pixels = tf.repeat(inputs, 3, axis=-1) if inputs.shape[-1] == 1 else inputs
        if self.mode == "vgg":
            return pixels - tf.constant(self.mean_pixel, pixels.dtype)
        if self.mode == "none":
            return pixels
        return keras.applications.imagenet_utils.preprocess_input(
            pixels, data_format="channels_last", mode=self.mode
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], 3)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode, "mean_pixel": list(self.mean_pixel)}
