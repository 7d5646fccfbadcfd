"""Convolutional networks for image classification: a small one to learn from, an advanced one to use.

Both are functional models from raw pixels 0..255, [batch, height, width, channels], of any size, gray or RGB,
to logits [batch, num_classes].
"""

from collections.abc import Sequence

import keras

from nst_keras.errors import InputError
from nst_keras.fields import Bounds, require_number
from nst_keras.layers.fused_batch_normalization import FusedBatchNormalization
from nst_keras.layers.mirror_average import MeanOfMirrorImages, WithMirrorImages

_L = keras.layers


def small_cnn(
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    filters: Sequence[int] = (32, 64),
    hidden: int = 128,
    dropout: float = 0.4,
    name: str = "small_cnn",
) -> keras.Model:
    """Builds conv - pool - conv - pool - dense, the network of LeCun et al. (1998) with ReLU and dropout.

    Args:
        image_shape: (height, width, channels); each side at least 2 ** len(filters).
        num_classes: Classes; at least 2.
        filters: Filters of each convolution, every one followed by a 2x2 max pooling.
        hidden: Units of the dense layer before the last.
        dropout: Share of the dense layers' inputs that is left out in training.
        name: Name of the model.

    Raises:
        InputError: If the image is too small to be pooled that often, or there are too few classes.
    """
    require_number("num_classes", num_classes, Bounds(2), whole=True)
    _require_side(image_shape, 2 ** len(filters))
    inputs = keras.Input(image_shape, name="image")
    x = _scaled(inputs)
    for number, count in enumerate(filters, start=1):
        x = _L.Conv2D(count, 3, padding="same", activation="relu", name=f"conv{number}")(x)
        x = _L.MaxPooling2D(2, name=f"pool{number}")(x)
    x = _L.Flatten(name="flatten")(x)
    x = _L.Dropout(dropout, name="dropout1")(x)
    x = _L.Dense(hidden, activation="relu", name="dense1")(x)
    x = _L.Dropout(dropout, name="dropout2")(x)
    return keras.Model(inputs, _L.Dense(num_classes, name="logits")(x), name=name)


def advanced_cnn(
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    filters: Sequence[int] = (32, 64, 128),
    blocks: Sequence[int] = (1, 2, 2),
    mirror_average: bool = False,
    name: str = "advanced_cnn",
) -> keras.Model:
    """Builds a short, wide residual network (He et al. 2015; Zagoruyko & Komodakis 2016).

    Each stage halves height and width of the one before and has residual blocks of two convolutions
    with batch normalisation. Shortcuts that change the shape average before they project (the
    ResNet-D of He et al. 2018), so that no pixel is dropped. Global average pooling makes the
    dense layer independent of the image's size.

    Args:
        image_shape: (height, width, channels).
        num_classes: Classes; at least 2.
        filters: Filters of each stage.
        blocks: Residual blocks of each stage; as many as `filters`.
        mirror_average: Whether the answer, but in training, is the mean of a picture's and its mirror
            image's, which takes twice the time; for pictures that mean the same in a mirror.
        name: Name of the model.

    Raises:
        InputError: If there are too few classes, or the image is empty.
        ValueError: If `blocks` and `filters` differ in length.
    """
    require_number("num_classes", num_classes, Bounds(2), whole=True)
    _require_side(image_shape, 1)
    inputs = keras.Input(image_shape, name="image")
    x = WithMirrorImages(name="mirror")(inputs) if mirror_average else inputs
    x = _convolution(_scaled(x), filters[0], name="stem")
    x = _L.ReLU(name="stem_relu")(x)
    for stage, (count, repeats) in enumerate(zip(filters, blocks, strict=True), start=1):
        for block in range(1, repeats + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            x = _residual_block(x, count, stride, name=f"stage{stage}_block{block}")
    x = _L.GlobalAveragePooling2D(name="average")(x)
    x = _L.Dense(num_classes, dtype="float32", name="logits")(x)
    outputs = MeanOfMirrorImages(dtype="float32", name="mean")(x) if mirror_average else x
    return keras.Model(inputs, outputs, name=name)


def _residual_block(x: keras.KerasTensor, filters: int, stride: int, name: str) -> keras.KerasTensor:
    shortcut = x
    if stride > 1:
        shortcut = _L.AveragePooling2D(stride, padding="same", name=f"{name}_shortcut_average")(shortcut)
    if x.shape[-1] != filters:
        shortcut = _convolution(shortcut, filters, size=1, name=f"{name}_shortcut")
    x = _convolution(x, filters, stride=stride, name=f"{name}_conv1")
    x = _L.ReLU(name=f"{name}_relu1")(x)
    x = _convolution(x, filters, name=f"{name}_conv2")
    x = _L.Add(name=f"{name}_add")([x, shortcut])
    return _L.ReLU(name=f"{name}_relu2")(x)


def _convolution(
    x: keras.KerasTensor, filters: int, *, size: int = 3, stride: int = 1, name: str
) -> keras.KerasTensor:
    """A convolution and batch normalisation, whose offset makes a bias superfluous."""
    x = _L.Conv2D(
        filters, size, stride, padding="same", use_bias=False, kernel_initializer="he_normal", name=name
    )(x)
    return FusedBatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)


def _scaled(inputs: keras.KerasTensor) -> keras.KerasTensor:
    """Pixels 0..255 to -1..1, inside the model, so that whoever loads it can't get it wrong."""
    return _L.Rescaling(1 / 127.5, offset=-1.0, name="scale")(inputs)


def _require_side(image_shape: tuple[int, int, int], least: int) -> None:
    height, width, _ = image_shape
    if min(height, width) < least:
        raise InputError(
            f"Pictures are {height}x{width} but must be at least {least}x{least} for this model."
        )
