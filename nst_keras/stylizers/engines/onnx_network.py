"""A stylizer's Keras network as an ONNX file: weights frozen, one picture at a time, of any size.

Pictures go in and come out as in Keras, [1, height, width, 3]. Between, channels come before height, as ONNX
has them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from nst_keras.layers.blocked_conv2d import BlockedConv2D
from nst_keras.layers.conditional import ConditionalGain, ConditionalInstanceNormalization
from nst_keras.layers.fit_multiple import CropLike, PadToMultiple
from nst_keras.layers.padding import ReflectionPadding2D
from nst_keras.layers.upsampled_conv2d import UpsampledConv2D
from nst_keras.ops.instance_statistics import EPSILON
from nst_keras.weights.onnx_writer import OnnxWriter

_SIDES = (2, 3)  # axes of height and width


def onnx_of(network: keras.Model, card: Mapping[str, str]) -> bytes:
    """The file's content, with a model card in its metadata.

    Inputs have the names of the network's; the output is "painted", or "numbers" if it isn't a picture.

    Raises:
        TypeError: If a layer has no counterpart here.
    """
    writer = OnnxWriter()
    names: dict[int, str] = {}
    for layer in network.layers:
        if isinstance(layer, keras.layers.InputLayer):
            names[id(layer.output)] = _input(writer, layer)
            continue
        convert = _CONVERSIONS.get(type(layer))
        if convert is None:
            raise TypeError(f"{type(layer).__name__} has no counterpart in ONNX here")
        sources = layer.input if isinstance(layer.input, list) else [layer.input]
        names[id(layer.output)] = convert(writer, layer, *(names[id(source)] for source in sources))
    output, shape = names[id(network.outputs[0])], network.outputs[0].shape
    if len(shape) == 4:
        output = writer.add("Transpose", output, perm=[0, 2, 3, 1])
    name = "painted" if len(shape) == 4 else "numbers"
    return writer.encoded(output, name, _shape(shape), card)


def _input(writer: OnnxWriter, layer: Any) -> str:
    name = writer.input(layer.name, _shape(layer.output.shape))
    return writer.add("Transpose", name, perm=[0, 3, 1, 2]) if len(layer.output.shape) == 4 else name


def _shape(shape: tuple[int | None, ...]) -> list[int | str]:
    """One picture, whose height and width are open."""
    channels = int(shape[-1] or 0)
    return [1, "height", "width", channels] if len(shape) == 4 else [1, channels]


def _pad_to_multiple(writer: OnnxWriter, layer: Any, source: str) -> str:
    for axis in _SIDES:
        side = writer.add("Shape", source, start=axis, end=axis + 1)
        missing = writer.add("Mod", writer.add("Neg", side), writer.constant([layer.multiple]))
        source = _mirrored_end(writer, source, axis, writer.add("Sub", writer.constant([-1]), missing))
    return source


def _mirrored_end(writer: OnnxWriter, source: str, axis: int, end: str) -> str:
    """With what is before `end`, from the last one backwards, put behind it once more."""
    last, axes = writer.constant([-1]), writer.constant([axis])
    return writer.add("Concat", source, writer.add("Slice", source, last, end, axes, last), axis=axis)


def _mirrored(writer: OnnxWriter, source: str, border: int) -> str:
    """Pads as TensorFlow's mode SYMMETRIC does, which ONNX hasn't."""
    if border == 1:
        return _padded(writer, source, 1, "edge")
    for axis in _SIDES:
        begin, end = writer.constant([border - 1]), writer.constant([-(2**62)])
        axes, back = writer.constant([axis]), writer.constant([-1])
        first = writer.add("Slice", source, begin, end, axes, back)
        last = writer.add("Slice", source, back, writer.constant([-1 - border]), axes, back)
        source = writer.add("Concat", first, source, last, axis=axis)
    return source


def _padded(writer: OnnxWriter, source: str, border: int, mode: str) -> str:
    return writer.add("Pad", source, writer.constant([0, 0, border, border] * 2), mode=mode)


def _reflect(writer: OnnxWriter, layer: Any, source: str) -> str:
    return _padded(writer, source, layer.padding, "reflect")


def _convolution(writer: OnnxWriter, layer: Any, source: str) -> str:
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    kernel = np.asarray(layer.kernel).transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
    padding = "SAME_UPPER" if getattr(layer, "padding", "valid") == "same" else "VALID"
    group = len(kernel) if depthwise else 1
    return writer.add(
        "Conv",
        source,
        writer.constant(kernel),
        *([writer.constant(np.asarray(layer.bias))] if layer.use_bias else []),
        auto_pad=padding,
        strides=layer.strides,
        group=group,
    )


def _upsampled_convolution(writer: OnnxWriter, layer: Any, source: str) -> str:
    kernel = np.asarray(layer.folded()).transpose(3, 2, 0, 1)
    padded = _mirrored(writer, source, kernel.shape[2] // 2)
    return writer.add("DepthToSpace", writer.add("Conv", padded, writer.constant(kernel)), blocksize=2)


def _blended(writer: OnnxWriter, rows: Any, weights: str, shape: list[int]) -> str:
    blend = writer.add("MatMul", weights, writer.constant(np.asarray(rows)))
    return writer.add("Reshape", blend, writer.constant(shape))


def _normalization(writer: OnnxWriter, layer: Any, source: str, weights: str) -> str:
    factors, offsets = (_blended(writer, rows, weights, [-1]) for rows in (layer.gamma, layer.beta))
    return writer.add("InstanceNormalization", source, factors, offsets, epsilon=EPSILON)


def _gain(writer: OnnxWriter, layer: Any, source: str, weights: str) -> str:
    return writer.add("Mul", source, _blended(writer, layer.gamma, weights, [1, -1, 1, 1]))


def _rescaling(writer: OnnxWriter, layer: Any, source: str) -> str:
    scaled = writer.add("Mul", source, writer.constant(np.float32(layer.scale)))
    return writer.add("Add", scaled, writer.constant(np.float32(layer.offset))) if layer.offset else scaled


def _relu(writer: OnnxWriter, layer: Any, source: str) -> str:
    if layer.max_value is None:
        return writer.add("Relu", source)
    bounds = (writer.constant(np.float32(bound)) for bound in (0, layer.max_value))
    return writer.add("Clip", source, *bounds)


def _activation(writer: OnnxWriter, layer: Any, source: str) -> str:
    return writer.add(layer.activation.__name__.title(), source)


def _crop(writer: OnnxWriter, layer: Any, source: str, like: str) -> str:
    sides, axes = writer.add("Shape", like, start=2, end=4), writer.constant(_SIDES)
    return writer.add("Slice", source, writer.constant([0, 0]), sides, axes)


_CONVERSIONS: dict[type, Callable[..., str]] = {
    BlockedConv2D: _convolution,
    ConditionalGain: _gain,
    ConditionalInstanceNormalization: _normalization,
    CropLike: _crop,
    PadToMultiple: _pad_to_multiple,
    ReflectionPadding2D: _reflect,
    UpsampledConv2D: _upsampled_convolution,
    keras.layers.Activation: _activation,
    keras.layers.Add: lambda writer, layer, *sources: writer.add("Add", *sources),
    keras.layers.Conv2D: _convolution,
    keras.layers.DepthwiseConv2D: _convolution,
    keras.layers.Flatten: lambda writer, layer, source: writer.add("Flatten", source),
    keras.layers.GlobalAveragePooling2D: lambda writer, layer, source: writer.add(
        "GlobalAveragePool", source
    ),
    keras.layers.ReLU: _relu,
    keras.layers.Rescaling: _rescaling,
}
