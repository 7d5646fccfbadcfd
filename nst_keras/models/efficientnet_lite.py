"""The first blocks of EfficientNet-Lite0, as features of pictures.

EfficientNet (Tan & Le 2019, arXiv:1905.11946) without squeeze-and-excitation and with ReLU6, after the
authors' repository (tensorflow/tpu, models/official/efficientnet/lite). Batch normalisation is part of the
convolutions.
"""

from dataclasses import dataclass

import keras
import tensorflow as tf

STEM_FILTERS = 32

# The layers whose features are returned: one for each size from a half to a sixteenth, and the stem.
FEATURES = ("stem", "block1_expand", "block3_expand", "block5_expand", "block11_expand")


@dataclass(frozen=True)
class Block:
    """An inverted residual: expand, depthwise convolution, project."""

    kernel: int
    stride: int
    expansion: int
    filters: int


def _blocks() -> tuple[Block, ...]:
    # Repeats, then the first block's; the others have stride 1.
    stages = (
        (1, Block(3, 1, 1, 16)),
        (2, Block(3, 2, 6, 24)),
        (2, Block(5, 2, 6, 40)),
        (3, Block(3, 2, 6, 80)),
        (3, Block(5, 1, 6, 112)),
        (1, Block(5, 2, 6, 192)),  # of its 4, since no more than its first layer is used
    )
    blocks: list[Block] = []
    for repeats, first in stages:
        blocks += [first] + [Block(first.kernel, 1, first.expansion, first.filters)] * (repeats - 1)
    return tuple(blocks)


BLOCKS = _blocks()


def efficientnet_lite0_features() -> keras.Model:
    """Builds the network up to the last of `FEATURES`.

    Input: float32 [batch, height, width, 3], RGB on 0..255. Outputs: the features after their ReLU6, in the
    order of `FEATURES`. Layers are named "stem" and "blockN_expand", "blockN_depthwise", "blockN_project".
    """
    pixels = keras.Input((None, None, 3))
    outputs = keras.layers.Rescaling(1 / 128, -127 / 128, name="rescale")(pixels)
    outputs = _relu6(_convolution(outputs, "stem", STEM_FILTERS, 3, strides=2))
    features = {"stem": outputs}
    for index, block in enumerate(BLOCKS):
        inputs, name = outputs, f"block{index}"
        if block.expansion > 1:
            expanded = block.expansion * inputs.shape[-1]
            outputs = _relu6(_convolution(outputs, f"{name}_expand", expanded, 1))
            features[f"{name}_expand"] = outputs
            if f"{name}_expand" == FEATURES[-1]:
                break
        depthwise = keras.layers.DepthwiseConv2D(
            block.kernel, strides=block.stride, padding="same", name=f"{name}_depthwise"
        )
        outputs = _convolution(_relu6(depthwise(outputs)), f"{name}_project", block.filters, 1)
        if block.stride == 1 and inputs.shape[-1] == block.filters:
            outputs = keras.layers.Add(name=f"{name}_add")([inputs, outputs])
    return keras.Model(pixels, [features[name] for name in FEATURES], name="efficientnet_lite0")


def _convolution(inputs: tf.Tensor, name: str, filters: int, size: int, *, strides: int = 1) -> tf.Tensor:
    return keras.layers.Conv2D(filters, size, strides=strides, padding="same", name=name)(inputs)


def _relu6(inputs: tf.Tensor) -> tf.Tensor:
    return keras.layers.ReLU(6.0)(inputs)
