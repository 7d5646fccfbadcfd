"""Pictures to try the programs with: two photos from scikit-learn, three paintings that this project drew.

Importing this package loads neither numpy nor scikit-learn: the command lines only need the names.
"""

from importlib import resources
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
    require_choice("sample", name, CONTENTS + STYLES)
    if name in STYLES:
        from nst_keras.pictures.images import decode_image

        return decode_image(resources.files(__name__).joinpath(f"{name}.webp").read_bytes(), name)
    from sklearn import datasets

    return datasets.load_sample_image(f"{name}.jpg").astype("float32")
