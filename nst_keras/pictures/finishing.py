"""A painted picture as it is kept: its colours, and how strongly it is painted."""

import numpy as np

from nst_keras.ops.blending import apply_strength
from nst_keras.pictures.color import match_color_statistics, transport_colors, with_colors_of
from nst_keras.pictures.resizing import resize
from nst_keras.pictures.settings import MATCH, FinishSettings


def recolored_style(style: np.ndarray, content: np.ndarray, settings: FinishSettings) -> np.ndarray:
    """A painting as it is to be painted after: with the content's colours if `preserve_color` is "match"."""
    if settings.preserve_color != MATCH:
        return style
    matched = match_color_statistics(style, content)
    return np.clip(_mixed(style, matched, settings.color_strength), 0, 255)


def finish(
    painted: np.ndarray, content: np.ndarray, settings: FinishSettings, *, styles_matched: bool = False
) -> np.ndarray:
    """Returns float32 [H, W, 3] on 0..255, with colours and strength as wanted.

    Args:
        painted: float32 [H, W, 3], RGB; may lie outside 0..255.
        content: Such a picture, too; it is resized to the painted one.
        settings: What of the content stays.
        styles_matched: Whether paintings had the content's colours, see `recolored_style`. Otherwise, as with
            a stylizer that has learnt its styles, "match" changes the painted picture instead.
    """
    content = resize(content, *painted.shape[:2])
    match settings.preserve_color:
        case "luma":
            kept = with_colors_of(painted, content)
        case "transport":
            kept = transport_colors(painted, content)
        case "match" if not styles_matched:
            kept = match_color_statistics(painted, content)
        case _:
            kept = painted
    colored = _mixed(painted, kept, settings.color_strength)
    return np.clip(_mixed(content, colored, settings.strength), 0, 255)


def _mixed(one: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    return apply_strength(one[np.newaxis], other[np.newaxis], np.array([share], np.float32))[0]


def rounded(picture: np.ndarray) -> np.ndarray:
    """A finished picture as uint8, half to even."""
    return np.rint(picture).astype(np.uint8)
