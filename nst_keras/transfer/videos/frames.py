"""Frames that go on from one another (Ruder et al. 2016, arXiv:1604.08610)."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from nst_keras.pictures.finishing import rounded
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.pictures.videos.flow import agreement, find_flow, warped, was_inside
from nst_keras.transfer.descent import (
    AnyObjective,
    Callback,
    Pictures,
    State,
    Steady,
    finished_image,
    optimize_image,
    plan_scales,
)
from nst_keras.transfer.videos.settings import FilmSettings

# How many frames back a frame looks: what was hidden for a moment comes back as it was (section 4.2).
_FRAMES_BACK = (1, 4, 10)
# Where less than this share of a frame was to be seen before, another scene begins.
_LEAST_SEEN = 0.3


class Seen(NamedTuple):
    """What is known of a frame from those before.

    Attributes:
        start: The painting of the one before, moved along, and the frame itself where that shows nothing:
            float32 [H, W, 3].
        painting: Of each place the nearest frame's painting that can be relied on.
        share: Where there is one: 0 and 1, float32 [H, W].
    """

    start: np.ndarray
    painting: np.ndarray
    share: np.ndarray


class FilmPainter:
    """Paints frames one after the other, by the loss of an objective."""

    def __init__(
        self,
        objective: AnyObjective,
        styles: Sequence[np.ndarray],
        blend: Sequence[float],
        settings: FilmSettings,
    ) -> None:
        self._objective, self._settings = objective, settings
        self._styles, self._blend = styles, blend
        self._before = deque[tuple[np.ndarray, np.ndarray]](maxlen=max(_FRAMES_BACK))

    def paint(self, frame: np.ndarray, callback: Callback | None = None) -> np.ndarray | None:
        """Paints the next frame, [h, w, 3] on 0..255, to uint8 [H, W, 3]; None if the callback ended it.

        It isn't finished yet; see `finished`.
        """
        settings, pictures = self._settings, Pictures(frame, self._styles, self._blend)
        content, stopped = self._fitted(frame), False
        if seen := self._seen(content):
            steady = Steady(seen.painting, settings.temporal_weight * seen.share)
            pictures = replace(pictures, init=seen.start, steady=steady)
            settings = replace(settings, coarse_steps=0, num_steps=settings.frame_steps)
        scales = plan_scales(frame, settings)
        num_steps = scales[-1].num_steps

        def after_step(state: State) -> bool:
            nonlocal stopped
            is_last = state.scale + 1 == len(scales) and state.step == num_steps
            stopped = bool(callback and callback(state)) and not is_last
            return stopped

        state = optimize_image(self._objective, pictures, scales, settings, callback=after_step)
        if stopped:
            return None
        painted = rounded(state.image)
        self.remember(frame, painted)
        return painted

    def remember(self, frame: np.ndarray, painted: np.ndarray) -> None:
        """Takes a frame that is painted already as the one before the next."""
        self._before.append((self._fitted(frame), painted.astype(np.float32)))

    def finished(self, frame: np.ndarray, painted: np.ndarray) -> np.ndarray:
        """A painted frame with the settings' strength and colours, uint8 [H, W, 3]."""
        pictures = Pictures(frame, self._styles, self._blend)
        state = State(0, 0, painted.astype(np.float32))
        return rounded(finished_image(state, pictures, self._settings))

    def _fitted(self, frame: np.ndarray) -> np.ndarray:
        return np.clip(resize(frame, *fit_size(frame, self._settings.size)), 0, 255)

    def _seen(self, content: np.ndarray) -> Seen | None:
        """What the frames before show of one, of each place the nearest; None if nearly nothing."""
        start, painting = content, np.zeros_like(content)
        share = np.zeros(content.shape[:2], np.float32)
        for back in _FRAMES_BACK:
            if back > len(self._before) or share.all():
                break
            photo, painted = self._before[-back]
            flow = find_flow(photo, content)
            moved = warped(painted, flow)
            if back == 1:
                start = np.where(was_inside(flow)[..., np.newaxis], moved, content)
            new = agreement(flow, find_flow(content, photo)) * (1 - share)
            painting += new[..., np.newaxis] * moved
            share += new
        return Seen(start, painting, share) if share.mean() > _LEAST_SEEN else None
