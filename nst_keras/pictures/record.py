"""What is stored in a picture: enough to make it again, and to know whether it is there already."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras import __version__
from nst_keras.errors import InputError, require_choice
from nst_keras.fields import Settings
from nst_keras.pictures.images import read_settings, write_image
from nst_keras.pictures.plan import FULL, METADATA, NONE, StylizeJob
from nst_keras.pictures.transparency import Pixels, with_alpha

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


def write_painting(
    job: StylizeJob,
    painted: np.ndarray,
    alpha: np.ndarray | None,
    record: Mapping[str, Any],
    path: Path | None = None,
) -> None:
    """Writes what a job has painted, uint8 [H, W, 3], with its content's alpha and what is kept of a record.

    The path is the job's output, or another one for a picture on the way.
    """
    write_image(path or job.output, with_alpha(painted, alpha), kept_record(record, job.metadata))


def alpha_note(output: Path, alpha: np.ndarray | None) -> str:
    """What to tell of a content's transparency if the output's format can't keep it; else empty."""
    if alpha is None or output.suffix.lower() not in (".jpg", ".jpeg"):
        return ""
    return f"note: {output}: JPEG keeps no transparency, white lies below; .png, .webp and .tif keep it"


def input_digests(content: Pixels, others: Iterable[np.ndarray]) -> list[str]:
    """Those of all pictures that go in, for a record."""
    return digests([content.rgb, *others, *([] if content.alpha is None else [content.alpha])])


def digests(pictures: Iterable[np.ndarray]) -> list[str]:
    """Hashes of pixels, by which it is noticed that a file holds another picture now."""
    return [hashlib.sha256(np.ascontiguousarray(picture).data).hexdigest() for picture in pictures]


def is_made(output: Path, record: Mapping[str, Any]) -> bool:
    """Whether a picture is there already, made as a record says, from files of the same names."""
    try:
        return output.exists() and _without_folders(read_settings(output)) == _without_folders(record)
    except (InputError, KeyError, TypeError):
        return False
