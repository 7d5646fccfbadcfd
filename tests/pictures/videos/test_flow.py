"""Optical flow between frames."""

import numpy as np
import pytest

from nst_keras.pictures.resizing import resize
from nst_keras.pictures.videos.flow import agreement, find_flow, warped

pytest.importorskip("cv2")


@pytest.fixture
def frames(photo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A camera that moves 4 pixels to the right and 2 down, with a white square that stays."""
    large = resize(photo, 160, 240).clip(0, 255)
    before, after = large[:128, :192].copy(), large[2:130, 4:196].copy()
    for frame in (before, after):
        frame[40:70, 60:90] = 255
    return before, after


def test_the_flow_leads_to_where_a_place_was(frames: tuple[np.ndarray, np.ndarray]) -> None:
    flow = find_flow(*frames)
    np.testing.assert_allclose(np.median(flow[80:120, 20:160], axis=(0, 1)), [2, 4], atol=0.1)
    moved = warped(frames[0], flow)
    errors = [np.abs(frame - frames[1])[80:120, 20:160].mean() for frame in (moved, frames[0])]
    assert errors[0] < 0.3 * errors[1]


def test_what_was_hidden_or_outside_is_not_relied_on(frames: tuple[np.ndarray, np.ndarray]) -> None:
    share = agreement(find_flow(*frames), find_flow(*frames[::-1]))
    assert share[80:120, 20:160].mean() > 0.95
    assert share[:, -3:].mean() < 0.3, "came in at the border"
    assert share[42:68, 56:60].mean() < 0.7, "came out from behind the square"


def test_a_flow_of_nothing_warps_nothing(photo: np.ndarray) -> None:
    still = np.zeros((*photo.shape[:2], 2), np.float32)
    np.testing.assert_array_equal(warped(photo, still), photo)
    assert agreement(still, still).all()
