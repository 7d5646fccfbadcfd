"""VGG-19 (Simonyan & Zisserman 2014, arXiv:1409.1556) as a functional Keras model.

Layer names are those of the paper and of `imagenet-vgg-verydeep-19.mat`.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from nst_keras.errors import require_choice
from nst_keras.layers.padding import ReplicationPadding2D
from nst_keras.layers.winograd_conv2d import WinogradConv2D
from nst_keras.models.vgg19_layout import (
    CONV_SHAPES,
    EDGES,
    LAYER_NAMES,
    POOLINGS,
    VGG19Weights,
    require_layers,
)

# Fewer input channels and the transforms cost more than the products save (benchmarks/stylize_step.py).
_WINOGRAD_CHANNELS = 128


def vgg19(
    weights: VGG19Weights | None = None,
    *,
    deepest: str = "pool5",
    pooling: str = "max",
    edges: str = "zero",
    convolution: str = "auto",
) -> keras.Model:
    """Builds VGG-19 up to a layer, frozen, for pictures of any size.

    The input is float32 [batch, height, width, 3], RGB on 0..255 minus the mean pixel (see
    `ops.preprocessing`).

    Args:
        weights: What to load; None leaves Keras's random start, for tests.
        deepest: Last layer to build.
        pooling: "max" as trained, or "average" as Gatys et al. 2016 prefer for synthesis.
        edges: "zero" pads the first convolution as trained; "replicate" repeats the picture's
            border there, which keeps a frame from being painted around it.
        convolution: "direct", "winograd" for the wide layers, or "auto": Winograd on machines
            without a GPU (cuDNN has its own).

    Returns:
        A functional model named "vgg19" whose layers carry the paper's names.

    Raises:
        InputError: If a name isn't known, with the list.
    """
    require_layers([deepest])
    require_choice("pooling", pooling, POOLINGS)
    require_choice("edges", edges, EDGES)
    require_choice("convolution", convolution, ("auto", "direct", "winograd"))
    if convolution == "auto":
        convolution = "direct" if tf.config.list_physical_devices("GPU") else "winograd"
    inputs = keras.Input((None, None, 3), name="image")
    outputs = ReplicationPadding2D(name="edges")(inputs) if edges == "replicate" else inputs
    for name in LAYER_NAMES[: LAYER_NAMES.index(deepest) + 1]:
        outputs = _layer(name, pooling, edges, convolution)(outputs)
    model = keras.Model(inputs, outputs, name="vgg19")
    model.trainable = False
    if weights is not None:
        for name in CONV_SHAPES.keys() & {layer.name for layer in model.layers}:
            model.get_layer(name).set_weights(list(weights.layers[name]))
    return model


def feature_extractor(model: keras.Model, names: Sequence[str]) -> keras.Model:
    """Returns a model over the same layers whose output is `{name: features}`.

    Raises:
        InputError: If the model has no layer of that name, with the list.
    """
    built = {layer.name for layer in model.layers}
    for name in names:
        require_choice("layer", name, [known for known in LAYER_NAMES if known in built])
    return keras.Model(model.input, {name: model.get_layer(name).output for name in names}, name="features")


def feature_network(weights: VGG19Weights, names: Sequence[str], **options: str) -> keras.Model:
    """A network no deeper than it must be, from its input to `{name: features}`; `options` as for `vgg19`."""
    return feature_extractor(vgg19(weights, deepest=deepest_layer(names), **options), names)


def pooled_mask(mask: tf.Tensor, layer: str) -> tf.Tensor:
    """How much of a position's window, as the network pools, a mask float32 [H, W] covers: [h, w] on a layer.

    Means, also where features are maxima, so that masks which add up to 1 still do. (Gatys et al. 2017,
    arXiv:1611.07865, section 4.1, resample them.)
    """
    poolings = sum(name.startswith("pool") for name in LAYER_NAMES[: LAYER_NAMES.index(layer) + 1])
    pooled = mask[tf.newaxis, :, :, tf.newaxis]
    for _ in range(poolings):
        pooled = tf.nn.avg_pool2d(pooled, 2, 2, "VALID")
    return pooled[0, :, :, 0]


def deepest_layer(names: Sequence[str]) -> str:
    """Returns the name among `names` that comes last in the network."""
    require_layers(names)
    return max(names, key=LAYER_NAMES.index)


def _layer(name: str, pooling: str, edges: str, convolution: str) -> keras.layers.Layer:
    kind = name.rstrip("_0123456789")
    if kind == "relu":
        return keras.layers.ReLU(name=name)
    if kind == "pool":
        pool = keras.layers.MaxPooling2D if pooling == "max" else keras.layers.AveragePooling2D
        return pool(2, padding="valid", name=name)
    _, _, channels_in, channels_out = CONV_SHAPES[name]
    if convolution == "winograd" and channels_in >= _WINOGRAD_CHANNELS:
        return WinogradConv2D(channels_out, name=name)
    padded = name == "conv1_1" and edges == "replicate"
    return keras.layers.Conv2D(channels_out, 3, padding="valid" if padded else "same", name=name)
