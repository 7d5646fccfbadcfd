"""The architectures of stylizers: what each is and where its parts are; loads no TensorFlow.

A new one is a file in models/, a folder beside this file, and a row below: commands, export, serving and
pipelines follow from the row.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nst_keras.errors import InputError
from nst_keras.stylizers.arbitrary import parts as arbitrary
from nst_keras.stylizers.arbitrary.settings import ArbitraryStyleSettings
from nst_keras.stylizers.archive import name_of, read_header
from nst_keras.stylizers.multi_style import parts as multi_style
from nst_keras.stylizers.multi_style.settings import StylizerSettings
from nst_keras.stylizers.training.settings import AveragedSettings

if TYPE_CHECKING:
    from nst_keras.stylizers.painter import Painter
    from nst_keras.stylizers.served import Served
    from nst_keras.stylizers.training.trainee import Trainee


class Parts(Protocol):
    """What the module `parts` of an architecture has: functions that import what they return."""

    def painter(self) -> "Callable[[str], Painter]":
        """What makes a painter of the name of a stylizer."""

    def served(self) -> "Callable[[str, Callable[[str], None]], Served]":
        """What makes a `Served` of the name of a stylizer; it says to a function which weights differ."""

    def trainee(self) -> "Callable[..., Trainee]":
        """What makes a trainee of settings, a `StylizerRun`, pictures and a distribution strategy."""


@dataclass(frozen=True)
class Architecture:
    """A kind of stylizer.

    Attributes:
        name: In files and flags.
        title: What messages call a stylizer of it.
        paints: Of which style its pictures are, for the help.
        named_styles: Whether it knows styles by name; else a style is any painting.
        max_pixels: Of a picture that a served one takes, unless it is told otherwise.
        parts: What paints, is served and is trained.
        settings: Those of its training; None if it can't be trained here.
    """

    name: str
    title: str
    paints: str
    named_styles: bool
    max_pixels: int
    parts: Parts
    settings: type[AveragedSettings] | None = None


ARCHITECTURES = {
    row.name: row
    for row in (
        Architecture(
            "multi_style",
            title="a stylizer of named styles",
            paints="the paintings' own styles",
            named_styles=True,
            max_pixels=2**24,
            parts=multi_style,
            settings=StylizerSettings,
        ),
        Architecture(
            "arbitrary",
            title="a stylizer of any painting",
            paints="any painting (AdaIN)",
            named_styles=False,
            max_pixels=2**22,
            parts=arbitrary,
            settings=ArbitraryStyleSettings,
        ),
    )
}


def architecture_of(spec: str | os.PathLike[str] = "") -> Architecture:
    """Which architecture a stylizer has: that of a file, or the one that comes with the package.

    Raises:
        InputError: If the file can't be read or isn't a stylizer.
    """
    name = read_header(spec)["architecture"]
    if name not in ARCHITECTURES:
        raise InputError(f"{name_of(spec)}: has the unknown architecture {name}")
    return ARCHITECTURES[name]


def architecture_trained_by(settings: AveragedSettings) -> Architecture:
    """Which architecture the settings of a training are for."""
    return next(row for row in ARCHITECTURES.values() if row.settings is type(settings))


def require_architecture(spec: str, wanted: Architecture) -> None:
    """Checks that a stylizer has an architecture.

    Raises:
        InputError: If it has another one, or can't be read.
    """
    found = architecture_of(spec)
    if found is not wanted:
        raise InputError(f"{name_of(spec)}: must be {wanted.title}; is {found.title}")


def load_painter(spec: str = "") -> "Painter":
    """Reads a stylizer: a file, or "" for the one that comes with the package.

    Raises:
        InputError: If it can't be read.
    """
    return architecture_of(spec).parts.painter()(spec)
