"""A feed-forward stylizer of several styles.

The network of Johnson et al. 2016 (arXiv:1603.08155) as Dumoulin et al. 2017 (arXiv:1610.07629) changed it:
nearest-neighbour upsampling before convolutions instead of transposed ones, which leave a checkerboard;
padding by reflection; and instance normalisation with a scale and an offset for each style. Two things
differ. Everything is a step coarser: the first convolution already halves the picture and the residual
blocks work at an eighth of the resolution, so that they see twice as far, which long strokes need, at a
quarter of the cost a channel. And what would be lost on the way there goes past them: features at a half and
a quarter of the resolution are added to those of the way back, and the photo to what comes out, before the
last sigmoid; channels and colours have a factor for each style. So training starts with a picture that has
the photo's content.
"""

import keras
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.layers.conditional import ConditionalGain, ConditionalInstanceNormalization
from nst_keras.layers.fit_multiple import CropLike, PadToMultiple
from nst_keras.layers.padding import ReflectionPadding2D
from nst_keras.layers.upsampled_conv2d import UpsampledConv2D

NUM_BLOCKS = 5  # of residuals, at an eighth of the resolution

# Training starts near the photo, as the optimiser does: the sigmoid of 2 x is close to (x + 1) / 2 for most
# of -1..1, and the network's first change is small.
PHOTO_SLOPE, _FIRST_CHANGE = 2.0, 0.2

_FILTERS, _STRIDE = (16, 48, 80), 8  # at a half, a quarter and an eighth of the resolution


def multi_style(num_styles: int, *, width: float = 1.0) -> keras.Model:
    """Builds the network.

    Inputs: "image", float32 [batch, height, width, 3], RGB on 0..255, any size from `MIN_SIDE` on; and
    "style_weights", float32 [batch, num_styles], which say how much of each style to use and add up to 1.
    Output: float32 [batch, height, width, 3], RGB on 0..255.

    Each normalisation has a row of scales and offsets for each style; `width` is a factor on the numbers of
    filters, (16, 48, 80), of which one at least must be left.
    """
    filters = [round(width * number) for number in _FILTERS]
    if num_styles < 1 or filters[0] < 1:
        raise InputError(
            f"a stylizer needs at least 1 style and a width of at least {1 / _FILTERS[0]}. "
            f"Received: num_styles={num_styles}, width={width}"
        )
    image = keras.Input((None, None, 3), name="image")
    weights = keras.Input((num_styles,), name="style_weights")
    outputs = PadToMultiple(_STRIDE, name="pad")(image)
    rescaled = outputs = keras.layers.Rescaling(1 / 127.5, -1.0, name="rescale")(outputs)
    coarser = {}
    for name, number, size in zip(("conv1", "conv2", "conv3"), filters, (9, 3, 3), strict=True):
        coarser[name] = outputs = _convolution(outputs, weights, name, number, size, strides=2)
    for index in range(1, NUM_BLOCKS + 1):
        inner = _convolution(outputs, weights, f"residual{index}_1", filters[2])
        inner = _convolution(inner, weights, f"residual{index}_2", filters[2], activation="")
        outputs = keras.layers.Add(name=f"residual{index}_add")([outputs, inner])
    for name, number, source in (("up1", filters[1], "conv2"), ("up2", filters[0], "conv1")):
        outputs = UpsampledConv2D(number, 3, name=name)(outputs)
        outputs = _normalized(outputs, weights, name)
        kept = ConditionalGain(num_styles, scale=0.0, name=f"{source}_gain")([coarser[source], weights])
        outputs = keras.layers.Add(name=f"{name}_add")([outputs, kept])
    outputs = UpsampledConv2D(3, 9, name="conv_out")(outputs)
    outputs = _normalized(outputs, weights, "conv_out", activation="", scale=_FIRST_CHANGE)
    photo = keras.layers.Rescaling(PHOTO_SLOPE, name="photo")(rescaled)
    photo = ConditionalGain(num_styles, name="photo_gain")([photo, weights])
    outputs = keras.layers.Add(name="photo_add")([outputs, photo])
    outputs = keras.layers.Activation("sigmoid", name="sigmoid")(outputs)
    outputs = keras.layers.Rescaling(255.0, name="to_pixels")(outputs)
    outputs = CropLike(name="crop")([outputs, image])
    return keras.Model({"image": image, "style_weights": weights}, outputs, name="multi_style")


def _convolution(
    inputs: tf.Tensor,
    weights: tf.Tensor,
    name: str,
    filters: int,
    size: int = 3,
    *,
    strides: int = 1,
    activation: str = "relu",
) -> tf.Tensor:
    """Reflection, convolution, normalisation (whose offset makes a bias needless), activation."""
    outputs = ReflectionPadding2D(size // 2, name=f"{name}_pad")(inputs)
    outputs = keras.layers.Conv2D(filters, size, strides=strides, use_bias=False, name=name)(outputs)
    return _normalized(outputs, weights, name, activation=activation)


def _normalized(
    inputs: tf.Tensor, weights: tf.Tensor, name: str, *, activation: str = "relu", scale: float = 1.0
) -> tf.Tensor:
    """Normalisation, activation."""
    norm = ConditionalInstanceNormalization(weights.shape[-1], scale=scale, name=f"{name}_norm")
    outputs = norm([inputs, weights])
    return (
        keras.layers.Activation(activation, name=f"{name}_{activation}")(outputs) if activation else outputs
    )
