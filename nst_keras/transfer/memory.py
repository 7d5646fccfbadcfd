"""How much memory an optimisation takes, told before it starts."""

from nst_keras.models.vgg19_layout import CONV_SHAPES, LAYER_NAMES
from nst_keras.transfer.settings import StyleTransferSettings

# Fitted to peak resident sizes of benchmarks/stylize_step.py at 256 to 1024 pixels.
_BASE_BYTES = 1.6e9  # TensorFlow, the network, its filters in the Winograd domain
_COPIES_OF_FEATURES = 1.15  # convolutions and ReLUs, and what a gradient needs for a moment
_BYTES_PER_FLOAT32, _BYTES_PER_FLOAT64 = 4, 8


def estimate_memory(settings: StyleTransferSettings, height: int, width: int) -> int:
    """Estimates the peak resident size, in bytes, of a run whose full size is height x width."""
    deepest = max(LAYER_NAMES.index(name) for name in settings.layers())
    floats = 0.0
    for name in LAYER_NAMES[: deepest + 1]:
        if name.startswith("conv"):  # its ReLU's output has the same size
            block = int(name[4])
            floats += 2 * CONV_SHAPES[name][-1] * height * width / 4 ** (block - 1)
    total = _BASE_BYTES + _COPIES_OF_FEATURES * _BYTES_PER_FLOAT32 * floats
    if settings.optimizer == "lbfgs":
        total += 2 * settings.history_size * height * width * 3 * _BYTES_PER_FLOAT64
    return round(total)
