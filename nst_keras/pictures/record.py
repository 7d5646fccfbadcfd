"""What is stored in a picture: enough to make it again, and to know whether it is there already."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras import __version__
from nst_keras.errors import InputError
from nst_keras.fields import Settings
from nst_keras.pictures.images import read_settings
from nst_keras.pictures.plan import StylizeJob


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
    """Whether a picture is there already, made as a record says."""
    try:
        return output.exists() and read_settings(output) == record
    except InputError:
        return False
