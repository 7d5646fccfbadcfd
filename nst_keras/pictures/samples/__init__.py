"""Pictures to try the programs with: two photos from scikit-learn, three paintings that this project drew.

Importing this loads no numpy; scikit-learn is never imported, since that takes seconds: its files are read.
"""

import importlib.util
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from nst_keras.errors import require_choice

if TYPE_CHECKING:
    import numpy as np

CONTENTS = ("china", "flower")
STYLES = ("strokes", "stained_glass", "ink")
SAMPLE = "sample:"  # stands before these names where a path could be meant
SAMPLE_CONTENTS, SAMPLE_STYLES = ([SAMPLE + name for name in names] for names in (CONTENTS, STYLES))


def read_sample(name: str) -> "np.ndarray":
    """Returns one of `CONTENTS` (640x427 pixels) or of `STYLES`, float32 [H, W, 3], sRGB on 0..255."""
    from nst_keras.pictures.images import decode_image

    return decode_image(sample_file(name), name)


def sample_file(name: str) -> bytes:
    """The file of one of `CONTENTS` or of `STYLES`: JPEG or WebP."""
    require_choice("sample", name, CONTENTS + STYLES)
    if name in STYLES:
        return resources.files(__name__).joinpath(f"{name}.webp").read_bytes()
    spec = importlib.util.find_spec("sklearn")  # looked for, not imported
    (folder,) = (spec and spec.submodule_search_locations) or [""]
    return Path(folder, "datasets", "images", f"{name}.jpg").read_bytes()
