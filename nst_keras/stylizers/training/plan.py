"""What the training of a stylizer is given besides settings: pictures, folders, and what to keep."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nst_keras.errors import InputError, require_choice
from nst_keras.fields import FROM_ONE, Settings, choice, format_value, number, setting
from nst_keras.pictures.samples import SAMPLE_CONTENTS, SAMPLE_STYLES
from nst_keras.runs.plan import DISTRIBUTIONS
from nst_keras.stylizers.architecture import ARCHITECTURES
from nst_keras.stylizers.training.settings import AveragedSettings, StylizerRun

TRAINABLE = {name: row.settings for name, row in ARCHITECTURES.items() if row.settings}
_ANY_PAINTING = " or ".join(name for name in TRAINABLE if not ARCHITECTURES[name].named_styles)


@dataclass(frozen=True)
class StylizerPlan(StylizerRun):
    """The same with where its pictures come from."""

    architecture: str = choice(
        next(iter(TRAINABLE)),
        f"Of {', or of '.join(ARCHITECTURES[name].paints for name in TRAINABLE)}",
        tuple(TRAINABLE),
    )
    styles: str = setting(
        "",
        "A folder of paintings, or files by commas (or sample:NAME); their names name the styles "
        f"({_ANY_PAINTING}: the more the better, also in folders below).",
        SAMPLE_STYLES,
    )
    photos: str = setting(
        "samples",
        "A folder of photos, also in folders below it, a tensorflow-datasets name, or samples.",
        ("samples",),
    )
    data_dir: str = setting("", "Where tensorflow-datasets keeps its sets; empty is its own default.")
    most_photos: int = number(2000, "How many photos to use at most.", FROM_ONE)
    most_paintings: int = number(2000, f"{_ANY_PAINTING}: how many paintings to use at most.", FROM_ONE)
    photo_size: int = number(640, "Longest side at which photos are kept in memory, in pixels.", FROM_ONE)
    preview: str = setting(
        "sample:china,sample:flower", "Photos that are painted as training goes.", SAMPLE_CONTENTS
    )
    preview_size: int = number(320, "Longest side of a preview's pictures, in pixels.", FROM_ONE)
    preview_styles: str = setting(
        "sample:stained_glass,sample:strokes",
        f"{_ANY_PAINTING}: paintings that previews are painted in; empty: the first four that it is trained "
        "on.",
        SAMPLE_STYLES,
    )
    distribute: str = choice(
        "none",
        "Over this machine's devices, or the processes that TF_CONFIG names, which share --output_dir",
        DISTRIBUTIONS,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.styles:
            raise InputError("styles must name at least one painting. Received: nothing")
        named = ARCHITECTURES[self.architecture].named_styles
        for name in ("most_paintings", "preview_styles"):
            if named and getattr(self, name) != getattr(StylizerPlan, name):
                raise InputError(f"{name} must be left out: it is for architecture={_ANY_PAINTING} only")


def _owners(name: str) -> dict[str, Any]:
    """The fields of a name by their architectures."""
    fields = {own: kind.__dataclass_fields__ for own, kind in TRAINABLE.items()}
    return {own: named[name] for own, named in fields.items() if name in named}


def _choice_of(name: str) -> tuple[str, Any, Any]:
    (first, own), *others = _owners(name).items()
    note = "" if first == StylizerPlan.architecture else f"{first}: "
    defaults = [format_value(own.default)]
    defaults += [
        f"{other}: {format_value(one.default)}" for other, one in others if one.default != own.default
    ]
    shown = {"help": note + own.metadata["help"], "default": "; ".join(defaults)}
    return name, own.type, dataclasses.field(default=None, metadata={**own.metadata, **shown})


# A field for each that any architecture's settings have; None stands for the architecture's own default.
SettingsOfAny: Any = dataclasses.make_dataclass(
    "SettingsOfAny",
    map(_choice_of, dict.fromkeys(name for kind in TRAINABLE.values() for name in kind.__dataclass_fields__)),
    bases=(Settings,),
    frozen=True,
)


def settings_for(architecture: str, changes: Mapping[str, Any]) -> AveragedSettings:
    """The settings of an architecture's training, with changes; None changes nothing."""
    require_choice("architecture", architecture, TRAINABLE)
    changes = {name: value for name, value in changes.items() if value is not None}
    for name in changes:
        if architecture not in _owners(name):
            raise InputError(f"{name} is for architecture={' or '.join(_owners(name))} only")
    return TRAINABLE[architecture](**changes)
