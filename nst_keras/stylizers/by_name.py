"""A stylizer by its name: a file, "" for the one that comes with the package, or one that is fetched."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from nst_keras.errors import InputError, did_you_mean
from nst_keras.pictures.samples import SAMPLE, SAMPLE_STYLES
from nst_keras.stylizers.architecture import ARCHITECTURES, FETCHED, Architecture
from nst_keras.stylizers.archive import digest_of, name_of, read_archive, read_header
from nst_keras.stylizers.engines.engine import load_engine
from nst_keras.stylizers.engines.settings import AUTO

if TYPE_CHECKING:
    from nst_keras.stylizers.painter import Painter

# What paints after paintings if no stylizer is named.
_ANY = next(row.name for row in ARCHITECTURES.values() if row.fetched_digest and not row.named_styles)


def known_styles() -> dict[str, str]:
    """Names of styles that need no file of a stylizer, each with the stylizer that knows it."""
    known = dict.fromkeys(read_header("")["styles"], "")
    for name in FETCHED:
        known |= {style: name for style in ARCHITECTURES[name].fetched_styles if style not in known}
    return known


def stylizer_for(styles: Sequence[object]) -> str:
    """The stylizer that paints in styles if none is named: "", the package's own, or one that is fetched.

    Args:
        styles: Names, as `known_styles` has them, or paintings: files, folders, samples, or in memory.
    """
    known = known_styles()
    wanted = dict.fromkeys(_stylizer_of(style, known) for style in styles)
    if len(wanted) > 1:
        raise InputError(
            "style: those of one call must be known to one stylizer, or all be paintings. "
            f"Received: {', '.join(style if isinstance(style, str) else 'a picture' for style in styles)}"
        )
    return next(iter(wanted), "")


def _stylizer_of(style: object, known: Mapping[str, str]) -> str:
    if not isinstance(style, str):
        return _ANY
    if style in known:
        return known[style]
    if style.startswith(SAMPLE) or os.path.exists(style):
        return _ANY
    raise InputError(
        f"style: {style} is neither a file nor a style that is known without one: {', '.join(known)}"
        + did_you_mean(style, [*known, *SAMPLE_STYLES])
    )


def architecture_of(spec: str | os.PathLike[str] = "") -> Architecture:
    """The architecture of a stylizer's file, of the one that comes with the package, or of a fetched one."""
    if (name := os.fspath(spec)) in FETCHED:
        return ARCHITECTURES[name]
    if name and not os.path.exists(name):
        raise InputError(f"{name}: does not exist{did_you_mean(name, FETCHED)}")
    name = read_header(spec)["architecture"]
    if name not in ARCHITECTURES:
        raise InputError(f"{name_of(spec)}: has the unknown architecture {name}")
    return ARCHITECTURES[name]


def require_architecture(spec: str, wanted: Architecture) -> None:
    """Checks that a stylizer has an architecture."""
    if (own := architecture_of(spec)) is not wanted:
        raise InputError(f"{name_of(spec)}: must be {wanted.title}; is {own.title}")


def stylizer_digest(spec: str = "") -> str:
    """The digest that a stylizer's `Painter` has; builds no network."""
    row = architecture_of(spec)
    if row.fetched_digest:
        return row.fetched_digest
    other_weights, (header, weights) = row.other_weights, read_archive(spec)
    return digest_of(weights.values(), *([other_weights(header)] if other_weights else []))


def maker_of(spec: str, digest: str) -> dict[str, str]:
    """A stylizer in records of pictures."""
    return {"stylizer": spec, "stylizer_digest": digest}


def load_painter(
    spec: str = "", engine: str = AUTO, import_tensorflow: Callable[[], None] = lambda: None
) -> "Painter":
    """Reads a stylizer: a file, "" for the one that comes with the package, or one of `FETCHED`.

    The engine and what is called before TensorFlow is needed are as for `load_engine`.
    """
    row = architecture_of(spec)
    loaded = load_engine(engine, import_tensorflow, light=row.light)
    return row.painter()(spec, loaded)
