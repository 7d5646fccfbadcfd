"""How much memory an optimisation takes, and the tiles that make a large picture fit."""

import psutil
import tensorflow as tf

from nst_keras.losses.settings import CONTENT, LossSettings
from nst_keras.models.vgg19_layout import CONV_SHAPES, LAYER_NAMES, reach, stride
from nst_keras.transfer.neighbors.matching import NEIGHBOR_LAYERS, floats_of_matching
from nst_keras.transfer.optimizers import kept_steps
from nst_keras.transfer.settings import NN, StyleTransferSettings

# Fitted to peak resident sizes of benchmarks/stylize_step.py at 256 to 1024 pixels.
_BASE_BYTES = 1.6e9  # TensorFlow, the network, its filters in the Winograd domain
_COPIES_OF_FEATURES = 1.15  # convolutions and ReLUs, and what a gradient needs for a moment
_FLOAT32, _FLOAT16 = 4, 2  # bytes
_LARGEST_KEPT = 6e8  # bytes of the content's features, beyond which each tile computes its own anew
_TILE_SIDES = (1024, 512, 256)
_SHARE = 0.8  # of the free memory that a picture may take as a whole


def tile_side(settings: LossSettings, height: int, width: int) -> int:
    """Side of the tiles that a picture is to be looked at in, in pixels; 0 for the whole at once.

    Where `settings.tile_size` leaves it open, a picture that fits into the free memory is whole, and every
    picture on a GPU, whose memory isn't known. Method nn knows no tiles.
    """
    if _by_neighbors(settings):
        return 0
    if side := settings.tile_size:
        return side if height * width > side**2 else 0
    if tf.config.list_physical_devices("GPU"):
        return 0
    free = _SHARE * psutil.virtual_memory().available
    for side in (0, *_TILE_SIDES):
        if estimate_memory(settings, height, width, side) <= free:
            break
    return side


def estimate_memory(settings: LossSettings, height: int, width: int, side: int = 0) -> int:
    """Estimates the peak resident size, in bytes, of a run that ends at height x width, in such tiles."""
    neighbors, pixels = _by_neighbors(settings), height * width
    layers = NEIGHBOR_LAYERS if neighbors else settings.layers()
    margins = 2 * max(map(reach, layers)) if side else 0
    seen = min(height, side + margins) * min(width, side + margins) if side else pixels
    deepest = max(map(LAYER_NAMES.index, layers))
    # A ReLU's output has the size of its convolution's.
    floats = sum(2 * _per_pixel(name) for name in LAYER_NAMES[: deepest + 1] if name.startswith("conv"))
    total = _BASE_BYTES + _COPIES_OF_FEATURES * _FLOAT32 * floats * seen
    if side:
        total += _FLOAT32 * pixels * 4 * 3
        if keeps_content(settings, height, width):
            total += _bytes_of_content(settings, height, width)
    if neighbors:
        total += _FLOAT32 * floats_of_matching(height, width)
    elif isinstance(settings, StyleTransferSettings) and settings.optimizer == "lbfgs":
        numbers = 3 * pixels
        total += numbers * (2 * kept_steps(settings.history_size, numbers) * _FLOAT16 + 5 * _FLOAT32)
    return round(total)


def keeps_content(settings: LossSettings, height: int, width: int) -> bool:
    """Whether a picture that is looked at in tiles keeps its content's features, which saves time."""
    return _bytes_of_content(settings, height, width) <= _LARGEST_KEPT


def _bytes_of_content(settings: LossSettings, height: int, width: int) -> float:
    return _FLOAT32 * height * width * sum(map(_per_pixel, settings.layers(CONTENT)))


def _by_neighbors(settings: LossSettings) -> bool:
    return isinstance(settings, StyleTransferSettings) and settings.method == NN


def _per_pixel(layer: str) -> float:
    """Numbers that a layer has for each pixel of the picture."""
    conv = layer.replace("relu", "conv")
    channels = CONV_SHAPES[conv][-1] if conv in CONV_SHAPES else CONV_SHAPES[f"conv{layer[-1]}_1"][-1]
    return channels / stride(layer) ** 2
