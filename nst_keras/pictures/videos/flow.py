"""How a picture moved from one frame to another, by optical flow. Needs OpenCV, from the extra `video`."""

from typing import Any

import numpy as np
from scipy import ndimage

from nst_keras.errors import InputError
from nst_keras.pictures.color import luma


def find_flow(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Finds where each place of a frame was in another one: float32 [H, W, 2], rows and columns to add.

    Dense inverse search (Kroeger et al. 2016, arXiv:1603.03590) between pictures [H, W, 3] on 0..255.
    """
    cv2 = import_cv2()
    grays = [np.rint(luma(picture)[..., 0]).clip(0, 255).astype(np.uint8) for picture in (after, before)]
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow: np.ndarray = search.calc(*grays, None)
    return flow[..., ::-1]


def warped(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Moves a frame along, [H, W, C], to where its places are in the one that a flow was found for."""
    height, width = flow.shape[:2]
    places = np.moveaxis(flow, -1, 0) + np.mgrid[:height, :width]
    planes = np.moveaxis(picture, -1, 0)
    moved = [ndimage.map_coordinates(plane, places, order=1, mode="nearest") for plane in planes]
    return np.stack(moved, -1).astype(np.float32)


def agreement(flow: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Where a flow can be relied on: float32 [H, W] of 0 and 1, given the flow in the other direction.

    Not where something came into sight, nor at the edges of what moves (Sundaram et al. 2010, with the
    constants of Ruder et al. 2016, section 4.1), nor where the place was outside of the frame.
    """
    returned = warped(back, flow)
    both = np.square(flow).sum(-1) + np.square(returned).sum(-1)
    shown_before = np.square(flow + returned).sum(-1) <= 0.01 * both + 0.5
    slopes = sum(np.square(slope) for part in np.moveaxis(flow, -1, 0) for slope in np.gradient(part))
    smooth = slopes <= 0.01 * np.square(flow).sum(-1) + 0.002
    return (shown_before & smooth & was_inside(flow)).astype(np.float32)


def was_inside(flow: np.ndarray) -> np.ndarray:
    """Which places were within the frame that a flow leads to: bool [H, W]."""
    height, width = flow.shape[:2]
    rows, columns = np.moveaxis(flow, -1, 0) + np.mgrid[:height, :width]
    inside: np.ndarray = (rows >= 0) & (rows <= height - 1) & (columns >= 0) & (columns <= width - 1)
    return inside


def import_cv2() -> Any:
    """OpenCV, which is an extra."""
    try:
        import cv2
    except ImportError as error:
        raise InputError(
            "videos by the optimiser need the package opencv-python-headless: pip install 'nst_keras[video]'"
        ) from error
    return cv2
