"""What is stored in a picture: enough to make it again, and to know whether it is there already."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras import __version__
from nst_keras.errors import InputError, require_choice
from nst_keras.fields import Settings, recorded_settings
from nst_keras.pictures.by_name import PictureReader, file_stamp
from nst_keras.pictures.images import read_settings, write_image
from nst_keras.pictures.plan import StylizeJob, checkpoint_path
from nst_keras.pictures.settings import FULL, METADATA, NONE, REGION_COLORS
from nst_keras.pictures.transparency import Pixels, with_alpha

# What of a record may hold paths of the user's.
_PATHS = ("content", "stylizer", "vgg", "content_mask")
_LISTS = ("styles", "style_masks")


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
    for key in kept.keys() & set(_LISTS):
        kept[key] = [Path(name).name for name in kept[key]]
    if "init" in kept["settings"]:
        kept["settings"] = {**kept["settings"], "init": Path(kept["settings"]["init"]).name}
    return kept


def record_of(job: StylizeJob, settings: Settings, maker: Mapping[str, str]) -> dict[str, Any]:
    """What is made, by which settings, and by which network."""
    masks = {"content_mask": job.content_mask, "style_masks": list(job.style_masks)}
    return {
        "program": f"nst_keras {__version__}",
        "content": job.content,
        "styles": list(job.styles),
        "style_weights": list(job.style_weights),
        **(masks if job.content_mask else {}),
        **maker,
        "settings": settings.to_dict(),
    }


def write_painting(
    job: StylizeJob,
    painted: np.ndarray,
    content: Pixels,
    record: Mapping[str, Any],
    path: Path | None = None,
) -> None:
    """Writes what a job has painted, with its content's alpha, and what is kept of a record and its file.

    It is [H, W, 3] on 0..255. The path is the job's output, or another one for a picture on the way.
    """
    write_image(
        path or job.output,
        with_alpha(painted, content.alpha),
        kept_record(record, job.file.metadata),
        bit_depth=int(job.file.bit_depth),
        carried=job.file.carried(content.carried),
    )


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


class Records:
    """What is stored in pictures with the same settings; it needs no network, and so is known before one is.

    Args:
        settings: Of all of them.
        maker: What makes them, as for `record_of`.
        read: Reads the pictures that go in.
        init: The picture to start from, if there is one.
    """

    def __init__(
        self, settings: Settings, maker: Mapping[str, str], read: PictureReader, init: str = ""
    ) -> None:
        self._settings, self._maker, self._read, self._init = settings, maker, read, init
        self._digests: dict[tuple[Any, ...], str] = {}

    def of(self, job: StylizeJob) -> dict[str, Any]:
        """The record of a job, with hashes of the pictures that go in."""
        styles = [] if job.named_styles else [self._digest(name, "style") for name in job.styles]
        init = [self._digest(self._init, "init")] if self._init else []
        content, *alpha = input_digests(self._read.pixels(job.content, "content"), [])
        names = (job.content_mask, *job.style_masks)
        masks = [self._digest(name, "mask") for name in names if name and name not in REGION_COLORS]
        pictures = {"pictures": [content, *styles, *init, *alpha, *masks]}
        return record_of(job, self._settings, self._maker) | pictures

    def is_made(self, job: StylizeJob) -> bool:
        """Whether a job's picture is there already, as it would be made now, from files of the same names."""
        if checkpoint_path(job.output).exists():
            return False
        try:
            kept = _without_folders(read_settings(job.output))
            kept["settings"] = recorded_settings(type(self._settings), kept["settings"]).to_dict()
            # What goes in is only read if nothing else differs.
            expected = record_of(job, self._settings, self._maker) | {"pictures": kept["pictures"]}
            return kept == _without_folders(expected) and kept == _without_folders(self.of(job))
        except (InputError, KeyError, TypeError):
            return False

    def _digest(self, name: str, role: str) -> str:
        key = name, role, file_stamp(name)
        if key not in self._digests:
            (self._digests[key],) = digests([self._read(name, role)])
        return self._digests[key]
