"""Videos painted frame by frame, without flicker."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from nst_keras.console.console import Console
from nst_keras.console.progress import Stopwatch
from nst_keras.pictures.finishing import finish, rounded
from nst_keras.pictures.plan import StylizeJob
from nst_keras.pictures.record import kept_record
from nst_keras.pictures.videos.steadiness import keep_steady
from nst_keras.pictures.videos.video import change_video
from nst_keras.stylizers.at_console import note_other_stylizer
from nst_keras.stylizers.job import painted_record
from nst_keras.stylizers.painter import Painter
from nst_keras.stylizers.settings import VideoSettings


class FramePainter:
    """Paints frames one after the other; each one sees the one before."""

    def __init__(self, painter: Painter, blend: np.ndarray, settings: VideoSettings) -> None:
        self._painter, self._blend, self._settings = painter, blend, settings
        self._previous: tuple[np.ndarray, np.ndarray] | None = None

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paints the next frame, uint8 [h, w, 3] to uint8 [H, W, 3]."""
        content = self._painter.fitted(frame.astype(np.float32), self._settings)
        blend, left = self._painter.weakened(content, self._blend, self._settings)
        painted = self._painter.painted(content, blend, self._settings)
        if self._previous and self._settings.steady:
            painted = keep_steady(painted, content, *self._previous, self._settings.steady)
        self._previous = painted, content
        return rounded(finish(painted, content, left))


def paint_videos_at_console(
    painter: Painter,
    settings: VideoSettings,
    jobs: Sequence[StylizeJob],
    *,
    repeated_digest: str | None = None,
) -> int:
    """Paints videos and shows how far they are; Ctrl-C leaves what there is, whole. Returns the exit code.

    `repeated_digest` is as for `paint_at_console`.
    """
    note_other_stylizer(painter, repeated_digest)
    with Console() as console:
        return console.each_picture(jobs, partial(_paint_video, console, painter, settings))


def _paint_video(
    console: Console, painter: Painter, settings: VideoSettings, job: StylizeJob, title: str
) -> bool:
    """Tells whether the video was painted to its end."""
    blend = painter.blend(job.styles, job.style_weights)
    watch: Stopwatch | None = None

    def show(done: int, frames: int) -> None:
        nonlocal watch
        watch = watch or Stopwatch((frames, 1), unit="frame")
        console.show(watch.see(done))

    if title:
        console.say(f"{title}{job.output}")
    frames = change_video(
        Path(job.content),
        job.output,
        FramePainter(painter, blend, settings),
        settings=kept_record(painted_record(job, settings, painter), job.file.metadata),
        before_writing=job.make_folder,
        should_stop=console.should_stop,
        observer=show,
        note=console.say,
    )
    if console.should_stop():
        console.stopped(f"the first {frames} frames are in {job.output}")
        return False
    console.finished(job.output)
    return True
