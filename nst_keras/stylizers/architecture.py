"""The architectures of stylizers: what each is and where its parts are; loads no TensorFlow.

A new one is a file in models/, a folder beside this file, and a row below: commands, export, serving and
pipelines follow from the row.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from nst_keras.errors import InputError
from nst_keras.stylizers.arbitrary.settings import ArbitraryStyleSettings
from nst_keras.stylizers.archive import digest_of, name_of, read_archive, read_header
from nst_keras.stylizers.multi_style.settings import StylizerSettings
from nst_keras.stylizers.training.settings import AveragedSettings

if TYPE_CHECKING:
    from nst_keras.stylizers.painter import Painter
    from nst_keras.stylizers.served import Served
    from nst_keras.stylizers.training.trainee import Trainee


class Parts(NamedTuple):
    """What makes a painter and a `Served` of a stylizer's name, and a trainee.

    `serve` says to a function which weights differ; `trainee` takes settings, a `StylizerRun`, pictures and a
    distribution strategy.
    """

    painter: "Callable[[str], Painter]"
    serve: "Callable[[str, Callable[[str], None]], Served]"
    trainee: "Callable[..., Trainee]"


@dataclass(frozen=True)
class Architecture:
    """A kind of stylizer.

    Attributes:
        name: In files and flags.
        title: What messages call a stylizer of it.
        paints: Of which style its pictures are, for the help.
        named_styles: Whether it knows styles by name; else a style is any painting.
        max_pixels: Of a picture that a served one takes, unless it is told otherwise.
        parts: Imports what paints, is served and is trained.
        settings: Those of its training; None if it can't be trained here.
        other_weights: From a header to the digest of weights that aren't in the file, if there are any.
    """

    name: str
    title: str
    paints: str
    named_styles: bool
    max_pixels: int
    parts: Callable[[], Parts]
    settings: type[AveragedSettings] | None = None
    other_weights: Callable[[Mapping[str, Any]], str] | None = None


def _named() -> Parts:
    from nst_keras.stylizers.multi_style.painter import MultiStylePainter, serve
    from nst_keras.stylizers.multi_style.trainer import trainee

    return Parts(MultiStylePainter, serve, trainee)


def _any() -> Parts:
    from nst_keras.stylizers.arbitrary.painter import ArbitraryPainter, serve
    from nst_keras.stylizers.arbitrary.trainer import trainee

    return Parts(ArbitraryPainter, serve, trainee)


def _encoder(header: Mapping[str, Any]) -> str:
    from nst_keras.stylizers.arbitrary.encoder import encoder_digest

    return encoder_digest(str(header["encoder"]))


ARCHITECTURES = {
    row.name: row
    for row in (
        Architecture(
            "multi_style",
            title="a stylizer of named styles",
            paints="the paintings' own styles",
            named_styles=True,
            max_pixels=2**24,
            parts=_named,
            settings=StylizerSettings,
        ),
        Architecture(
            "arbitrary",
            title="a stylizer of any painting",
            paints="any painting (AdaIN)",
            named_styles=False,
            max_pixels=2**22,
            parts=_any,
            settings=ArbitraryStyleSettings,
            other_weights=_encoder,
        ),
    )
}


def architecture_of(spec: str | os.PathLike[str] = "") -> Architecture:
    """The architecture of a stylizer's file, or of the one that comes with the package."""
    name = read_header(spec)["architecture"]
    if name not in ARCHITECTURES:
        raise InputError(f"{name_of(spec)}: has the unknown architecture {name}")
    return ARCHITECTURES[name]


def architecture_trained_by(settings: AveragedSettings) -> Architecture:
    """The architecture that the settings of a training are for."""
    return next(row for row in ARCHITECTURES.values() if row.settings is type(settings))


def require_architecture(spec: str, wanted: Architecture) -> None:
    """Checks that a stylizer has an architecture."""
    if (own := architecture_of(spec)) is not wanted:
        raise InputError(f"{name_of(spec)}: must be {wanted.title}; is {own.title}")


def stylizer_digest(spec: str = "") -> str:
    """The digest that a stylizer's `Painter` has; builds no network."""
    other_weights, (header, weights) = architecture_of(spec).other_weights, read_archive(spec)
    return digest_of(weights.values(), *([other_weights(header)] if other_weights else []))


def maker_of(spec: str, digest: str) -> dict[str, str]:
    """A stylizer in records of pictures."""
    return {"stylizer": spec, "stylizer_digest": digest}


def load_painter(spec: str = "") -> "Painter":
    """Reads a stylizer: a file, or "" for the one that comes with the package."""
    return architecture_of(spec).parts().painter(spec)
