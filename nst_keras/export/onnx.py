"""A stylizer's networks as ONNX files, for onnxruntime, OpenVINO, phones and browsers."""

import json
from collections.abc import Callable
from pathlib import Path

import keras

from nst_keras import __version__
from nst_keras.errors import InputError
from nst_keras.storage.files import write_whole
from nst_keras.stylizers.by_name import architecture_of
from nst_keras.stylizers.engines.engine import Look
from nst_keras.stylizers.engines.on_tensorflow import KerasNetwork, TensorFlowEngine
from nst_keras.stylizers.engines.onnx_network import onnx_of

PAINTS, LOOKS = "stylizer.onnx", "style_predictor.onnx"


class _Collector(TensorFlowEngine):
    """Remembers the networks that a painter asks for, by the files that they become."""

    def __init__(self) -> None:
        self.networks: dict[str, keras.Model] = {}

    def painting(self, name: str, build: Callable[[], KerasNetwork]) -> KerasNetwork:
        network = build()
        self.networks[PAINTS] = network.model
        return network

    def looking(self, name: str, build: Callable[[], keras.Model]) -> Look:
        network = self.networks[LOOKS] = build()
        return super().looking(name, lambda: network)


def export_onnx(stylizer: str, target: Path, note: Callable[[str], None]) -> None:
    """Writes a new folder: the network that paints, and the one that looks at paintings, if there is one.

    Each file tells names of styles, source and licence in its metadata, in JSON as "card".

    Raises:
        InputError: If the stylizer can't be had as ONNX.
    """
    row = architecture_of(stylizer)
    if not row.light:
        raise InputError(f"format onnx: {row.title} that was trained here is written as saved_model only")
    collector = _Collector()
    painter = row.painter()(stylizer, collector)
    served = row.parts().serve(stylizer, note, 1)
    card = {**served.card, "styles": list(painter.styles), "program": f"nst_keras {__version__}"}
    target.mkdir()
    for name, network in collector.networks.items():
        write_whole(target / name, onnx_of(network, {"card": json.dumps(card, sort_keys=True)}))
