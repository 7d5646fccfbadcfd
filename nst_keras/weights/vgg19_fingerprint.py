"""How the VGG-19 of Simonyan & Zisserman is told from other networks of the same shape.

The constants were taken from the network with 8-bit kernels. Its biases are those of the full
precision file, and its kernels differ from that file's by far less than the tolerances here.
"""

from collections.abc import Mapping

import numpy as np

from nst_keras.models.vgg19_layout import CONV_SHAPES

LICENCE = "CC BY 4.0, Karen Simonyan and Andrew Zisserman (Visual Geometry Group, Oxford)"

# Biases of conv1_1.
# fmt: off
_FIRST_BIASES = (
    0.73018, 0.06494, 0.03429, 0.82604, 0.25780, 0.54868, -0.01244, 0.34790, 0.55109,
    0.06297, 0.60699, 0.26703, 0.64941, 0.17074, 0.47723, 0.38251, 0.46373, 0.21496,
    0.46911, 0.23826, 0.47519, 0.70606, 0.27008, 0.68553, 0.03217, 0.60253, 0.35035,
    0.44680, 0.77327, 0.58192, 0.39083, 1.75194, 0.66117, 0.30214, 0.53060, 0.67737,
    0.33273, 0.49128, 0.26549, 0.18806, 0.07412, 1.10811, 0.28224, 0.86755, 0.19423,
    0.81033, 0.36062, 0.50720, 0.42472, 0.49633, 0.15117, 0.79454, 0.33494, 0.47284,
    0.41552, 0.08496, 0.37947, 0.60067, 0.47174, 0.81309, 0.45521, 1.08920, 0.47757,
    0.40721,
)
# fmt: on
_FIRST_BIASES_TOLERANCE = 1e-4

# fmt: off
# Standard deviations of the layers' kernels, from conv1_1 to conv5_4, and of their biases.
_KERNEL_DEVIATIONS = (
    0.1914, 0.03988, 0.02999, 0.02229, 0.0165, 0.01109, 0.01023, 0.01032,
    0.008153, 0.006319, 0.006902, 0.007475, 0.008182, 0.008404, 0.008401, 0.008133,
)
_BIAS_DEVIATIONS = (
    0.2951, 0.3065, 0.1171, 0.181, 0.06462, 0.07354, 0.0717, 0.04659,
    0.0197, 0.01814, 0.02177, 0.04025, 0.07688, 0.1177, 0.2587, 0.5204,
)
# fmt: on
_DEVIATIONS_TOLERANCE = 0.01  # relative

# Filter 4 of conv1_1, averaged over RGB: an edge that changes when height and width are swapped.
_EDGE_FILTER = ((-0.084, 0.201, 0.205), (-0.185, 0.194, 0.197), (-0.266, -0.117, -0.061))
# Filter 5 of conv1_1, averaged over height and width: a colour that changes when RGB becomes BGR.
_COLOUR_FILTER = (-0.055, -0.182, 0.214)
_FILTERS_TOLERANCE = 0.05


def difference_from_vgg19(layers: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> str | None:
    """Returns in what a network, `{name: (kernel [3, 3, in, out], bias [out])}`, differs from VGG-19.

    None means that it is the published network.
    """
    kernel, bias = layers["conv1_1"]
    if not np.allclose(bias, _FIRST_BIASES, rtol=0, atol=_FIRST_BIASES_TOLERANCE):
        return "the biases of conv1_1 are others"
    for name, *expected in zip(CONV_SHAPES, _KERNEL_DEVIATIONS, _BIAS_DEVIATIONS, strict=True):
        received = [np.std(values, dtype=np.float64) for values in layers[name]]
        if not np.allclose(received, expected, rtol=_DEVIATIONS_TOLERANCE, atol=0):
            return f"the weights of {name} are others"
    edge, colour = kernel[..., 4].mean(axis=2), kernel[..., 5].mean(axis=(0, 1))
    if not np.allclose(colour, _COLOUR_FILTER, rtol=0, atol=_FILTERS_TOLERANCE):
        return "conv1_1 takes its colours in another order than red, green, blue"
    if not np.allclose(edge, _EDGE_FILTER, rtol=0, atol=_FILTERS_TOLERANCE):
        return "the kernels are turned or mirrored"
    return None
