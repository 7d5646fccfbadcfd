"""A picture and its mirror image, looked at together: a network's mean answer is better than either."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="nst_keras")
class WithMirrorImages(keras.layers.Layer):
    """Appends each picture's mirror image to the batch; in training it changes nothing.

    Input shape: [batch, height, width, channels].
    Output shape: [2 * batch, height, width, channels], or the input's in training.
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        return inputs if training else tf.concat([inputs, inputs[:, :, ::-1]], axis=0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The batch isn't known beforehand."""
        return None, *input_shape[1:]


@keras.saving.register_keras_serializable(package="nst_keras")
class MeanOfMirrorImages(keras.layers.Layer):
    """Undoes `WithMirrorImages` at a network's end: the mean of a picture's answer and its mirror image's.

    Input shape: [2 * batch, ...], or [batch, ...] in training.
    Output shape: [batch, ...].
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        return inputs if training else tf.add_n(tf.split(inputs, 2)) / 2

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The batch isn't known beforehand."""
        return None, *input_shape[1:]
