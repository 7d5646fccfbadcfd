"""What the page is told of the studio: samples, styles, presets, and every setting from its own field."""

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any, get_origin

from nst_keras.fields import Settings, field_types
from nst_keras.pictures.images import WRITABLE_SUFFIXES
from nst_keras.pictures.samples import CONTENTS, SAMPLE, STYLES
from nst_keras.studio.settings import StudioSettings
from nst_keras.stylizers.by_name import known_styles
from nst_keras.stylizers.settings import FastSettings
from nst_keras.transfer.presets import HELP, PRESETS
from nst_keras.transfer.settings import StyleTransferSettings
from nst_keras.weights.magenta_release import CARD

# Whom what we show is by. Names are those of styles and samples.
_CREDITS = {
    "great_wave": "Katsushika Hokusai, The Great Wave off Kanagawa, c. 1831",
    "night_cafe": "Vincent van Gogh, The Night Café, 1888",
    "shipwreck": "J. M. W. Turner, The Shipwreck of the Minotaur, c. 1810",
    "starry_night": "Vincent van Gogh, The Starry Night, 1889",
    "china": "danielbuechele, CC BY 2.0, with scikit-learn",
    "flower": "vultilion, CC BY 2.0, with scikit-learn",
}
_OURS = "drawn by this project"

# What most people want to turn; the page shows the others on request.
_IMPORTANT = (
    "size",
    "strength",
    "preserve_color",
    "style_weight",
    "content_weight",
    "style_scale",
    "num_steps",
    "color_strength",
    "method",
)

_TYPES = {int: "int", float: "float", bool: "bool", str: "str", Mapping: "weights"}


def about(settings: StudioSettings) -> dict[str, Any]:
    """Plain values for JSON."""
    return {
        "samples": {
            "content": [_named(SAMPLE + name, name, _CREDITS[name]) for name in CONTENTS],
            "style": [_named(SAMPLE + name, name, _OURS) for name in STYLES],
        },
        "styles": [
            {
                **_named(name, name, _CREDITS.get(name, f"{CARD['by']}; {CARD['licence']}")),
                "stylizer": stylizer,
            }
            for name, stylizer in known_styles().items()
        ],
        "presets": [
            {"name": name, "help": HELP.get(name, ""), "settings": preset.to_dict()}
            for name, preset in PRESETS.items()
        ],
        "fields": {"fast": _fields(FastSettings), "optimize": _fields(StyleTransferSettings)},
        "suffixes": list(WRITABLE_SUFFIXES),
        "largest_file": settings.max_bytes,
    }


def _named(name: str, word: str, credit: str) -> dict[str, str]:
    title = re.sub(r"(\D)(\d)", r"\1 \2", word).replace("_", " ").capitalize()
    return {"name": name, "title": title, "credit": credit}


def _fields(kind: type[Settings]) -> list[dict[str, Any]]:
    types, defaults = field_types(kind), kind().to_dict()
    return [_field(spec, types[spec.name], defaults[spec.name]) for spec in dataclasses.fields(kind)]


def _field(spec: "dataclasses.Field[Any]", kind: Any, default: Any) -> dict[str, Any]:
    bounds, words = spec.metadata.get("bounds"), spec.metadata.get("words", ())
    return {
        "name": spec.name,
        "type": _TYPES[get_origin(kind) or kind],
        "default": default,
        "help": re.sub(r"--(?=\w)", "", spec.metadata["help"]),
        "choices": list(spec.metadata.get("choices", ())) or None,
        "words": list(words() if callable(words) else words),
        "at_least": bounds and bounds.low,
        "at_most": bounds.high if bounds and math.isfinite(bounds.high) else None,
        "important": spec.name in _IMPORTANT,
    }
