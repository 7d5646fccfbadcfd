"""The networks with which Magenta's stylizers paint.

That of Dumoulin et al. 2017 (arXiv:1610.07629): padding by reflection, two convolutions that halve the
picture, residual blocks at a quarter of the resolution, nearest-neighbour upsampling, and instance
normalisation whose scales and offsets are a blend of rows, one for each style. That of Ghiasi et al. 2017
(arXiv:1705.06830) computes scales and offsets by a linear map of numbers that say how a painting looks.
That is the same with a row for each number, and one for the map's constant, whose weight is 1.
"""

from dataclasses import dataclass

import keras
import tensorflow as tf

from nst_keras.layers.blocked_conv2d import BlockedConv2D
from nst_keras.layers.conditional import ConditionalInstanceNormalization
from nst_keras.layers.fit_multiple import CropLike, PadToMultiple
from nst_keras.layers.padding import ReflectionPadding2D
from nst_keras.layers.upsampled_conv2d import UpsampledConv2D

_LARGE = 9  # side of the first and the last kernel
STRIDE = 4  # of the residual blocks


@dataclass(frozen=True)
class TransformerShape:
    """What tells the networks apart.

    Attributes:
        num_rows: Of scales and offsets in each normalisation.
        contract: Numbers of filters on the way to a quarter of the resolution.
        num_blocks: Of residuals.
        expand: Numbers of filters on the way back, before the picture's 3.
        normalizes_contraction: Whether the convolutions of the way there are normalised or have biases.
    """

    num_rows: int
    contract: tuple[int, int, int]
    num_blocks: int
    expand: tuple[int, int]
    normalizes_contraction: bool


ANY_PAINTING = TransformerShape(101, (8, 16, 32), 5, (16, 8), normalizes_contraction=False)
NAMED_STYLES = TransformerShape(26, (32, 32, 32), 6, (8, 4), normalizes_contraction=True)


def style_transformer(shape: TransformerShape) -> keras.Model:
    """Builds a network.

    Inputs: "image", float32 [batch, height, width, 3], RGB on 0..255, any size from `MIN_SIDE` on; and
    "style_weights", float32 [batch, num_rows], by which rows are blended.
    Output: float32 [batch, height, width, 3], RGB on 0..255.
    """
    image = keras.Input((None, None, 3), name="image")
    weights = keras.Input((shape.num_rows,), name="style_weights")
    outputs = PadToMultiple(STRIDE, name="pad")(image)
    outputs = keras.layers.Rescaling(1 / 255, name="rescale")(outputs)
    for index, filters in enumerate(shape.contract):
        name, size, strides = f"conv{index + 1}", 3 if index else _LARGE, 2 if index else 1
        normalized = shape.normalizes_contraction
        outputs = _convolution(outputs, name, filters, size, strides=strides, use_bias=not normalized)
        outputs = _normalized(outputs, weights, name) if normalized else keras.layers.ReLU()(outputs)
    for index in range(1, shape.num_blocks + 1):
        inputs = outputs
        for part, activation in ((1, "relu"), (2, "")):
            name = f"residual{index}_{part}"
            outputs = _convolution(outputs, name, shape.contract[-1])
            outputs = _normalized(outputs, weights, name, activation=activation)
        outputs = keras.layers.Add(name=f"residual{index}_add")([inputs, outputs])
    for name, filters in zip(("up1", "up2"), shape.expand, strict=True):
        outputs = _normalized(UpsampledConv2D(filters, 3, name=name)(outputs), weights, name)
    outputs = _convolution(outputs, "conv_out", 3, _LARGE)
    outputs = _normalized(outputs, weights, "conv_out", activation="sigmoid")
    outputs = keras.layers.Rescaling(255.0, name="to_pixels")(outputs)
    outputs = CropLike(name="crop")([outputs, image])
    return keras.Model({"image": image, "style_weights": weights}, outputs, name="style_transformer")


def _convolution(
    inputs: tf.Tensor, name: str, filters: int, size: int = 3, *, strides: int = 1, use_bias: bool = False
) -> tf.Tensor:
    outputs = ReflectionPadding2D(size // 2, name=f"{name}_pad")(inputs)
    if size == _LARGE:
        return BlockedConv2D(filters, size, use_bias=use_bias, name=name)(outputs)
    return keras.layers.Conv2D(filters, size, strides=strides, use_bias=use_bias, name=name)(outputs)


def _normalized(inputs: tf.Tensor, weights: tf.Tensor, name: str, *, activation: str = "relu") -> tf.Tensor:
    norm = ConditionalInstanceNormalization(weights.shape[-1], name=f"{name}_norm")
    outputs = norm([inputs, weights])
    return (
        keras.layers.Activation(activation, name=f"{name}_{activation}")(outputs) if activation else outputs
    )
