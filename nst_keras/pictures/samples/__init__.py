"""Pictures to try the programs with: two photos from scikit-learn, and styles drawn in code.

Importing this package loads neither numpy nor scikit-learn: the command lines only need the names.
"""

from typing import TYPE_CHECKING

from nst_keras.errors import require_choice

if TYPE_CHECKING:
    import numpy as np

CONTENTS = ("china", "flower")
STYLES = ("strokes", "stained_glass", "ink")


def read_sample(name: str) -> "np.ndarray":
    """Returns a sample picture; a style is drawn anew, in a second or two, and always the same.

    Args:
        name: One of `CONTENTS` (photos of 640x427 pixels) or of `STYLES`.

    Returns:
        A float32 array [H, W, 3], sRGB, 0..255.

    Raises:
        InputError: The name is unknown.
    """
    require_choice("sample", name, CONTENTS + STYLES)
    if name in CONTENTS:
        return _read_photo(name)
    return _draw_style(name)


def _read_photo(name: str) -> "np.ndarray":
    from sklearn import datasets

    return datasets.load_sample_image(f"{name}.jpg").astype("float32")


def _draw_style(name: str) -> "np.ndarray":
    from nst_keras.pictures.samples import ink, stained_glass, strokes

    drawings = {"strokes": strokes.draw, "stained_glass": stained_glass.draw, "ink": ink.draw}
    return drawings[name]()
