"""What is stored in a picture: enough to make it again, and to know whether it is there already."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras import __version__
from nst_keras.errors import InputError, require_choice
from nst_keras.fields import Settings
from nst_keras.pictures.images import read_settings
from nst_keras.pictures.plan import StylizeJob

METADATA = FULL, NAMES, NONE = ("full", "names", "none")
# What of a record may hold paths of the user's.
_PATHS = ("content", "stylizer", "vgg")


def kept_record(record: Mapping[str, Any], metadata: str) -> dict[str, Any] | None:
    """What is stored of a record: all, file names instead of paths, or nothing."""
    require_choice("metadata", metadata, METADATA)
    if metadata == NONE:
        return None
    return dict(record) if metadata == FULL else _without_folders(record)


def _without_folders(record: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(record)
    for key in kept.keys() & set(_PATHS):
        kept[key] = Path(kept[key]).name
    kept["styles"] = [Path(name).name for name in kept["styles"]]
    if "init" in kept["settings"]:
        kept["settings"] = {**kept["settings"], "init": Path(kept["settings"]["init"]).name}
    return kept


def record_of(job: StylizeJob, settings: Settings, maker: Mapping[str, str]) -> dict[str, Any]:
    """What is made, by which settings, and by which network."""
    return {
        "program": f"nst_keras {__version__}",
        "content": job.content,
        "styles": list(job.styles),
        "style_weights": list(job.style_weights),
        **maker,
        "settings": settings.to_dict(),
    }


def digests(pictures: Iterable[np.ndarray]) -> list[str]:
    """Hashes of pixels, by which it is noticed that a file holds another picture now."""
    return [hashlib.sha256(np.ascontiguousarray(picture).data).hexdigest() for picture in pictures]


def is_made(output: Path, record: Mapping[str, Any]) -> bool:
    """Whether a picture is there already, made as a record says, from files of the same names."""
    try:
        return output.exists() and _without_folders(read_settings(output)) == _without_folders(record)
    except (InputError, KeyError, TypeError):
        return False
