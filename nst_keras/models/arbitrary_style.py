"""A feed-forward stylizer of any painting, seen once.

Adaptive instance normalisation (Huang & Belongie 2017, arXiv:1703.06868): VGG-19 looks at photo and painting,
the photo's features get the painting's means and deviations, and a trained decoder, VGG-19 mirrored, turns
them into a picture. Other than theirs, features are brought to a size near 1 before the decoder, since those
of the published VGG-19 are in the hundreds (they rescaled the network), and the picture ends in a sigmoid.
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.layers.adaptive_instance_normalization import AdaptiveInstanceNormalization
from nst_keras.layers.fit_multiple import CropLike, PadToMultiple
from nst_keras.layers.padding import ReflectionPadding2D
from nst_keras.models.vgg19 import feature_network
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.ops.instance_statistics import instance_statistics

# By whose statistics style is compared in training; the last one is where a picture is given its style.
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
CODE_LAYER = STYLE_LAYERS[-1]

STRIDE = 8  # of relu4_1
_CODE_SCALE = 1e-3  # about 1 / root mean square of relu4_1 over photos

# Convolutions between enlargements, from relu4_1 to the picture, whose own convolution comes last.
_FILTERS = ((256,), (256, 256, 256, 128), (128, 64), (64,))


def arbitrary_style(weights: VGG19Weights, *, width: float = 1.0) -> keras.Model:
    """Builds encoder, adaptive instance normalisation and decoder, which alone is trainable.

    Inputs: "image", float32 [batch, height, width, 3], RGB on 0..255, any size from `MIN_SIDE` on; "mean" and
    "deviation", float32 [batch, 1, 1, 512], as `style_statistics` measures them; and "strength", float32
    [batch, 1, 1, 1], from 0, the photo's own style, to 1, the painting's.
    Output: float32 [batch, height, width, 3], RGB on 0..255.

    The layers "encoder" and "decoder" are models; `width` is a factor on the decoder's numbers of filters.
    """
    return assemble(build_encoder(weights), build_decoder(width=width))


def assemble(encoder: keras.Model, decoder: keras.Model) -> keras.Model:
    """Puts the two together; inputs and output are those of `arbitrary_style`."""
    image = keras.Input((None, None, 3), name="image")
    statistics = [keras.Input((1, 1, decoder.input_shape[-1]), name=name) for name in ("mean", "deviation")]
    strength = keras.Input((1, 1, 1), name="strength")
    code = encoder(PadToMultiple(STRIDE, name="pad")(image))[CODE_LAYER]
    styled = AdaptiveInstanceNormalization(name="adain")([code, *statistics])
    change = keras.layers.Subtract(name="change")([styled, code])
    change = keras.layers.Multiply(name="strength_times_change")([change, strength])
    outputs = decoder(keras.layers.Add(name="mixed")([code, change]))
    outputs = CropLike(name="crop")([outputs, image])
    inputs = {"image": image, "mean": statistics[0], "deviation": statistics[1], "strength": strength}
    return keras.Model(inputs, outputs, name="arbitrary_style")


def build_encoder(weights: VGG19Weights, *, convolution: str = "auto") -> keras.Model:
    """VGG-19, frozen, from pixels on 0..255 to the features of `STYLE_LAYERS` by name."""
    network = feature_network(weights, STYLE_LAYERS, edges="replicate", convolution=convolution)
    image = keras.Input((None, None, 3), name="image")
    offset = [-value for value in weights.mean_pixel]
    centered = keras.layers.Rescaling(1.0, offset, name="mean_pixel")(image)
    model = keras.Model(image, network(centered), name="encoder")
    model.trainable = False
    return model


def build_decoder(*, width: float = 1.0) -> keras.Model:
    """From features of relu4_1, [batch, h, w, 512], to a picture [batch, 8 h, 8 w, 3] on 0..255.

    Raises:
        InputError: If no filter is left.
    """
    if round(width * _FILTERS[-1][-1]) < 1:
        raise InputError(
            f"width must leave a filter, as {1 / _FILTERS[-1][-1]} does. Received: width={width}"
        )
    code = keras.Input((None, None, 512), name="code")
    outputs = keras.layers.Rescaling(_CODE_SCALE, name="rescale")(code)
    for block, filters in enumerate(_FILTERS, start=1):
        if block > 1:
            outputs = keras.layers.UpSampling2D(name=f"up{block}")(outputs)
        for index, number in enumerate(filters, start=1):
            outputs = _convolution(outputs, f"decode{block}_{index}", round(width * number), "relu")
    outputs = _convolution(outputs, "decode_out", 3, "sigmoid")
    outputs = keras.layers.Rescaling(255.0, name="to_pixels")(outputs)
    return keras.Model(code, outputs, name="decoder")


def style_statistics(
    encoder: keras.Model, paintings: Sequence[np.ndarray], blend: Sequence[float] = ()
) -> tuple[tf.Tensor, tf.Tensor]:
    """Means and deviations of relu4_1, float32 [1, 1, 1, 512]; what is normalised with them is mixed just so.

    Paintings are float32 [h, w, 3], RGB on 0..255, of any sizes from `MIN_SIDE` on; the blend has a weight
    for each, which add up to 1, equal ones if left out.
    """
    blend = list(blend) or [1 / len(paintings)] * len(paintings)
    mean, deviation = tf.zeros([]), tf.zeros([])
    for painting, weight in zip(paintings, blend, strict=True):
        features = encoder(tf.constant(painting[np.newaxis], tf.float32))[CODE_LAYER]
        own_mean, own_deviation = instance_statistics(features)
        mean, deviation = mean + weight * own_mean, deviation + weight * own_deviation
    return mean, deviation


def _convolution(inputs: tf.Tensor, name: str, filters: int, activation: str) -> tf.Tensor:
    outputs = ReflectionPadding2D(name=f"{name}_pad")(inputs)
    return keras.layers.Conv2D(filters, 3, activation=activation, name=name)(outputs)
