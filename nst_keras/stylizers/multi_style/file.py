"""Trained stylizers of named styles as files: weights, the names of the styles and a model card.

TensorFlow is loaded when a network is built.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nst_keras.stylizers.archive import Kind, assign, digest_of, read_as, weights_by_name, write_archive

if TYPE_CHECKING:
    import keras

_KIND = Kind("multi_style", 3)


@dataclass(frozen=True)
class MultiStyleStylizer:
    """A trained network, with the names of its styles in the order of the weights, and a model card."""

    model: "keras.Model"
    styles: tuple[str, ...]
    width: float
    card: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Hash of the weights."""
        return digest_of(self.model.weights)


class Outline(NamedTuple):
    """What is known of a stylizer before its network is built."""

    styles: tuple[str, ...]
    digest: str


def write_stylizer(path: str | Path, stylizer: MultiStyleStylizer) -> None:
    """Writes a stylizer whole."""
    header = {"styles": list(stylizer.styles), "width": stylizer.width, "card": stylizer.card}
    write_archive(path, _KIND._asdict() | header, weights_by_name(stylizer.model))


def read_stylizer(path: str | Path = "") -> MultiStyleStylizer:
    """Reads what `write_stylizer` wrote; "" is the stylizer that comes with the package."""
    return read_as(_KIND, path, _build)


def read_outline(path: str | Path = "") -> Outline:
    """Reads names and digest of what `write_stylizer` wrote."""
    return read_as(_KIND, path, lambda header, weights: Outline(_styles(header), digest_of(weights.values())))


def _styles(header: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, header["styles"]))


def _build(header: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> MultiStyleStylizer:
    from nst_keras.models.multi_style import multi_style

    styles, width = _styles(header), float(header["width"])
    model = multi_style(len(styles), width=width)
    assign(model.weights, weights)
    return MultiStyleStylizer(model, styles, width, header["card"])
