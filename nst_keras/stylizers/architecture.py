"""The architectures of stylizers: what each is and where its parts are; importing this loads no NumPy.

A new one is a file in models/, a folder beside this file, and a row below: commands, export, serving and
pipelines follow from the row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from nst_keras.errors import InputError
from nst_keras.stylizers.arbitrary.settings import ArbitraryStyleSettings
from nst_keras.stylizers.magenta.style_names import STYLE_NAMES
from nst_keras.stylizers.multi_style.settings import StylizerSettings
from nst_keras.stylizers.training.settings import AveragedSettings
from nst_keras.weights.magenta_release import DIGEST

if TYPE_CHECKING:
    from nst_keras.stylizers.engines.engine import Engine
    from nst_keras.stylizers.painter import Painter
    from nst_keras.stylizers.served import Served
    from nst_keras.stylizers.training.trainee import Trainee


def _refuse(*_: object) -> "Trainee":
    raise InputError("a stylizer that is fetched can't be trained here")


class Parts(NamedTuple):
    """What makes a `Served` of a stylizer's name, and a trainee if there are settings for one.

    `serve` says to a function which weights differ, and takes the passes of `FastSettings`; `trainee` takes
    settings, a `StylizerRun`, pictures and a distribution strategy.
    """

    serve: "Callable[[str, Callable[[str], None], int | None], Served]"
    trainee: "Callable[..., Trainee]" = _refuse


@dataclass(frozen=True)
class Architecture:
    """A kind of stylizer.

    Attributes:
        name: In files and flags.
        title: What messages call a stylizer of it.
        paints: Of which style its pictures are, for the help.
        named_styles: Whether it knows styles by name; else a style is any painting.
        max_pixels: Of a picture that a served one takes, unless it is told otherwise.
        painter: Imports what makes a painter of a stylizer's name and an engine.
        parts: Imports what is served and is trained.
        light: Whether it paints on onnxruntime, too.
        settings: Those of its training; None if it can't be trained here.
        other_weights: From a header to the digest of weights that aren't in the file, if there are any.
        fetched_digest: Of weights that are fetched; the architecture's name then stands for its one stylizer,
            which has no file.
        fetched_styles: Names of the styles that this one knows.
    """

    name: str
    title: str
    paints: str
    named_styles: bool
    max_pixels: int
    painter: "Callable[[], Callable[[str, Engine], Painter]]"
    parts: Callable[[], Parts]
    light: bool = True
    settings: type[AveragedSettings] | None = None
    other_weights: Callable[[Mapping[str, Any]], str] | None = None
    fetched_digest: str = ""
    fetched_styles: tuple[str, ...] = ()


def _paint_named() -> "type[Painter]":
    from nst_keras.stylizers.multi_style.painter import MultiStylePainter

    return MultiStylePainter


def _named() -> Parts:
    from nst_keras.stylizers.multi_style.served import serve
    from nst_keras.stylizers.multi_style.trainer import trainee

    return Parts(serve, trainee)


def _paint_any() -> "type[Painter]":
    from nst_keras.stylizers.arbitrary.painter import ArbitraryPainter

    return ArbitraryPainter


def _any() -> Parts:
    from nst_keras.stylizers.arbitrary.served import serve
    from nst_keras.stylizers.arbitrary.trainer import trainee

    return Parts(serve, trainee)


def _paint_magenta_any() -> "type[Painter]":
    from nst_keras.stylizers.magenta.painter import AnyPaintingPainter

    return AnyPaintingPainter


def _magenta_any() -> Parts:
    from nst_keras.stylizers.magenta.served import serve_any_painting

    return Parts(serve_any_painting)


def _paint_magenta_named() -> "type[Painter]":
    from nst_keras.stylizers.magenta.painter import NamedStylesPainter

    return NamedStylesPainter


def _magenta_named() -> Parts:
    from nst_keras.stylizers.magenta.served import serve_named_styles

    return Parts(serve_named_styles)


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
            painter=_paint_named,
            parts=_named,
            settings=StylizerSettings,
        ),
        Architecture(
            "arbitrary",
            title="a stylizer of any painting",
            paints="any painting (AdaIN)",
            named_styles=False,
            max_pixels=2**22,
            painter=_paint_any,
            parts=_any,
            light=False,
            settings=ArbitraryStyleSettings,
            other_weights=_encoder,
        ),
        Architecture(
            "magenta",
            title="Magenta's stylizer of any painting",
            paints="any painting",
            named_styles=False,
            max_pixels=2**22,
            painter=_paint_magenta_any,
            parts=_magenta_any,
            fetched_digest=DIGEST,
        ),
        Architecture(
            "magenta26",
            title="Magenta's stylizer of 26 styles",
            paints="26 styles",
            named_styles=True,
            max_pixels=2**22,
            painter=_paint_magenta_named,
            parts=_magenta_named,
            fetched_digest=DIGEST,
            fetched_styles=STYLE_NAMES,
        ),
    )
}


# Names of stylizers that are fetched at first use, instead of files.
FETCHED = tuple(row.name for row in ARCHITECTURES.values() if row.fetched_digest)


def architecture_trained_by(settings: AveragedSettings) -> Architecture:
    """The architecture that the settings of a training are for."""
    return next(row for row in ARCHITECTURES.values() if row.settings is type(settings))
