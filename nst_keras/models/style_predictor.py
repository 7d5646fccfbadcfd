"""A network that looks at a painting and says in a few numbers how a stylizer is to paint.

The style prediction network of Ghiasi et al. 2017 (arXiv:1705.06830), with MobileNetV2 (Sandler et al. 2018,
arXiv:1801.04381) in place of Inception, as Magenta published it. Batch normalisation is part of the
convolutions.
"""

import keras
import tensorflow as tf

NUM_NUMBERS = 100

# Repeats of inverted residuals; stride of the first, expansion, filters.
_STAGES = (
    (1, 1, 1, 16),
    (2, 2, 6, 24),
    (3, 2, 6, 32),
    (4, 2, 6, 64),
    (3, 1, 6, 96),
    (3, 2, 6, 160),
    (1, 1, 6, 320),
)
_STEM_FILTERS, _HEAD_FILTERS = 32, 1280


def style_predictor() -> keras.Model:
    """Builds the network.

    Input: float32 [batch, height, width, 3], RGB on 0..255, best with a shorter side of
    `weights.magenta.PAINTING_SIDE`. Output: float32 [batch, `NUM_NUMBERS`]. Layers are named "stem",
    "blockN_expand", "blockN_depthwise", "blockN_project", "head" and "style".
    """
    pixels = keras.Input((None, None, 3))
    outputs = keras.layers.Rescaling(1 / 255, name="rescale")(pixels)
    outputs = _relu6(_convolution(outputs, "stem", _STEM_FILTERS, 3, strides=2))
    blocks = [
        (stride if repeat == 0 else 1, expansion, filters)
        for repeats, stride, expansion, filters in _STAGES
        for repeat in range(repeats)
    ]
    for index, (stride, expansion, filters) in enumerate(blocks):
        inputs, name = outputs, f"block{index}"
        if expansion > 1:
            outputs = _relu6(_convolution(outputs, f"{name}_expand", expansion * inputs.shape[-1], 1))
        depthwise = keras.layers.DepthwiseConv2D(3, strides=stride, padding="same", name=f"{name}_depthwise")
        outputs = _convolution(_relu6(depthwise(outputs)), f"{name}_project", filters, 1)
        if stride == 1 and inputs.shape[-1] == filters:
            outputs = keras.layers.Add(name=f"{name}_add")([inputs, outputs])
    outputs = _relu6(_convolution(outputs, "head", _HEAD_FILTERS, 1))
    outputs = keras.layers.GlobalAveragePooling2D(keepdims=True, name="mean")(outputs)
    outputs = _convolution(outputs, "style", NUM_NUMBERS, 1)
    return keras.Model(pixels, keras.layers.Flatten(name="numbers")(outputs), name="style_predictor")


def _convolution(inputs: tf.Tensor, name: str, filters: int, size: int, *, strides: int = 1) -> tf.Tensor:
    return keras.layers.Conv2D(filters, size, strides=strides, padding="same", name=name)(inputs)


def _relu6(inputs: tf.Tensor) -> tf.Tensor:
    return keras.layers.ReLU(6.0)(inputs)
