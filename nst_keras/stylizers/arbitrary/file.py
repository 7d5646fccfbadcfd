"""Trained stylizers of any painting as files: the decoder with a model card; the encoder is VGG-19."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from nst_keras.models.arbitrary_style import build_decoder
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.stylizers.archive import Kind, assign, digest_of, read_as, weights_by_name, write_archive

_KIND = Kind("arbitrary", 2)


@dataclass(frozen=True)
class ArbitraryStylizer:
    """A trained decoder and what it needs to know.

    Attributes:
        decoder: As `models.arbitrary_style.build_decoder` builds it.
        style_size: Longest side of the paintings of its training, in pixels; larger ones are made smaller.
        encoder: Hash of the weights of VGG-19 that it was trained with.
        card: Model card: where it comes from, what it can do, and licences; plain values.
    """

    decoder: keras.Model
    width: float
    style_size: int
    encoder: str
    card: Mapping[str, Any] = field(default_factory=dict)

    def digest(self, encoder: VGG19Weights) -> str:
        """Hash of the weights of decoder and encoder."""
        return digest_of(self.decoder.weights, encoder.digest)


def write_arbitrary_stylizer(path: str | Path, stylizer: ArbitraryStylizer) -> None:
    """Writes a stylizer whole, but for its encoder."""
    header = {
        "width": stylizer.width,
        "style_size": stylizer.style_size,
        "encoder": stylizer.encoder,
        "card": stylizer.card,
    }
    write_archive(path, _KIND._asdict() | header, weights_by_name(stylizer.decoder))


def read_arbitrary_stylizer(path: str | Path) -> ArbitraryStylizer:
    """Reads what `write_arbitrary_stylizer` wrote."""
    return read_as(_KIND, path, _build)


def _build(header: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> ArbitraryStylizer:
    width, style_size = float(header["width"]), int(header["style_size"])
    decoder = build_decoder(width=width)
    assign(decoder.weights, weights)
    return ArbitraryStylizer(decoder, width, style_size, str(header["encoder"]), header["card"])
