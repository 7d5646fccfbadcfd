"""Flags of `nst-stylize --fast`, and those of the optimiser that it can't be given with."""

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeVar

from absl import flags

from nst_keras.cli import field_flags
from nst_keras.errors import InputError
from nst_keras.fields import PRECISIONS, parse_settings
from nst_keras.stylizers.settings import FastSettings, VideoSettings

_Settings = TypeVar("_Settings", bound=FastSettings)

_DEFAULTS = VideoSettings()
_HELP = {field.name: field.metadata["help"] for field in dataclasses.fields(VideoSettings)}

_FAST = flags.DEFINE_bool(
    "fast",
    False,
    "Paint by a trained stylizer, in one pass: --style is then the name of a style that it knows (or a "
    "painting, if the stylizer takes any), and "
    f"--size is {_DEFAULTS.size} unless it is given; 0 keeps the content's size.",
)
STYLIZER = flags.DEFINE_string(
    "stylizer",
    "",
    "Stylizer of nst-train-stylizer, a file; implies --fast. Empty is the one that comes with the package.",
)
_STRENGTH = flags.DEFINE_float("strength", None, f"With --fast: {_HELP['strength']} [{_DEFAULTS.strength}]")

_PRECISION = flags.DEFINE_enum(
    "precision", None, PRECISIONS, f"With --fast: {_HELP['precision']} [{_DEFAULTS.precision}]"
)
_STEADY = flags.DEFINE_float("steady", None, f"With --fast, videos: {_HELP['steady']} [{_DEFAULTS.steady}]")

# Flags that mean the same for a stylizer; all others of the command are the optimiser's.
_SHARED = ("content", "style", "style_weights", "each_style", "output", "from", "size", "preserve_color")


def is_wanted(record: dict[str, Any]) -> bool:
    """Whether a stylizer shall paint.

    Args:
        record: What is repeated, or empty.

    Raises:
        absl.flags.Error: If flags contradict each other, or what is repeated.
    """
    repeats = "stylizer" in record
    wanted = _FAST.value or STYLIZER.present
    if record and not repeats and wanted:
        raise flags.IllegalFlagValueError(
            "--from: that picture was made by the optimiser; repeat it without --fast and --stylizer"
        )
    if _FAST.present and not _FAST.value and (repeats or STYLIZER.present):
        raise flags.IllegalFlagValueError("--nofast contradicts --stylizer, or --from a stylizer's picture")
    for flag in (_STRENGTH, _PRECISION, _STEADY):
        if not (wanted or repeats) and flag.present:
            raise flags.IllegalFlagValueError(f"--{flag.name} works with --fast only")
    return wanted or repeats


def require_no_others(command_flags: Iterable[flags.Flag]) -> None:
    """Checks that no flag of the optimiser was given.

    Raises:
        absl.flags.IllegalFlagValueError: If one was.
    """
    own = (*_SHARED, _FAST.name, STYLIZER.name, _STRENGTH.name, _PRECISION.name, _STEADY.name)
    wrong = sorted(f"--{flag.name}" for flag in command_flags if flag.present and flag.name not in own)
    if wrong:
        raise flags.IllegalFlagValueError(
            f"{', '.join(wrong)}: only for the optimiser; a stylizer (--fast) takes --size, --strength, "
            "--preserve_color, --precision, --style_weights and --each_style"
        )


def parsed(repeated: dict[str, Any]) -> FastSettings:
    """Returns the settings of pictures: the defaults, or those that are repeated, with the flags on top.

    Raises:
        absl.flags.IllegalFlagValueError: If a flag is out of range.
        InputError: If the repeated settings don't fit this version.
    """
    if _STEADY.present:
        raise flags.IllegalFlagValueError("--steady works with videos only")
    try:
        base = parse_settings(FastSettings, repeated)
    except InputError as error:
        raise InputError(f"the picture's settings are of another version: {error}") from error
    return _changed(base)


def parsed_for_video() -> VideoSettings:
    """Returns the settings of videos: the defaults, with the given flags on top.

    Raises:
        absl.flags.IllegalFlagValueError: If a flag is out of range.
    """
    return _changed(_DEFAULTS)


def _changed(base: _Settings) -> _Settings:
    with field_flags.naming_flags():
        return dataclasses.replace(base, **field_flags.given(type(base), flags.FLAGS))
