"""Layers and weights of VGG-19, without TensorFlow and NumPy: what weight files, settings and flags need."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nst_keras.errors import require_choice

if TYPE_CHECKING:
    import numpy as np

_BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # (channels, convolutions)


def _layer_names() -> tuple[str, ...]:
    names: list[str] = []
    for block, (_, depth) in enumerate(_BLOCKS, start=1):
        for conv in range(1, depth + 1):
            names += [f"conv{block}_{conv}", f"relu{block}_{conv}"]
        names.append(f"pool{block}")
    return tuple(names)


def _conv_shapes() -> dict[str, tuple[int, int, int, int]]:
    shapes, inputs = {}, 3
    for block, (channels, depth) in enumerate(_BLOCKS, start=1):
        for conv in range(1, depth + 1):
            shapes[f"conv{block}_{conv}"] = (3, 3, inputs, channels)
            inputs = channels
    return shapes


# The second is the notebook's; see weights.matconvnet.
KERNEL_ORDERS = STORED, TRANSPOSED = ("stored", "transposed")
# Versions of MatConvNet that laid out the .mat file differently.
MAT_LAYOUTS = BETA16, BETA17 = ("beta16", "beta17")
NETWORKS = QUANTIZED, IMPORTED = ("8bit", "imported")  # those that aren't named by a file
POOLINGS = ("max", "average")
EDGES = ("zero", "replicate")
LAYER_NAMES = _layer_names()
CONV_SHAPES = _conv_shapes()


@dataclass(frozen=True)
class VGG19Weights:
    """The convolutional part of a trained VGG-19.

    Attributes:
        layers: `{name: (kernel, bias)}`; float32 kernels [3, 3, in, out], the first one for RGB
            input, and float32 biases [out].
        mean_pixel: RGB mean on the 0..255 scale that the network expects to be subtracted.
        source: Where the weights came from, in words.
        digest: Hash of the file they came from, as `algorithm:hex`.
        licence: Licence of the trained network.
    """

    layers: "Mapping[str, tuple[np.ndarray, np.ndarray]]"
    mean_pixel: tuple[float, float, float]
    source: str
    digest: str
    licence: str


def stride(layer: str) -> int:
    """Pixels of the picture from one position of a layer to the next."""
    pools = sum(name.startswith("pool") for name in LAYER_NAMES[: LAYER_NAMES.index(layer) + 1])
    return int(2**pools)


def reach(layer: str) -> int:
    """How many pixels a position may see, on either side, beyond the `stride` that it stands for."""
    before = LAYER_NAMES[: LAYER_NAMES.index(layer) + 1]
    return sum(stride(name) for name in before if name.startswith("conv"))


def require_layers(names: Iterable[str], role: str = "layer") -> None:
    """Raises InputError, which lists the layers and begins with `role`, if a name isn't among them."""
    for name in names:
        require_choice(role, name, LAYER_NAMES)
