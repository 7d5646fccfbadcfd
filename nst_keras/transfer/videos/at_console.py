"""Videos by optimisation at a terminal: minutes for each frame, which are kept so that a run can go on."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.console.console import Console, say
from nst_keras.console.progress import Progress, Stopwatch
from nst_keras.errors import InputError, NonFiniteLossError
from nst_keras.models.vgg19_layout import STORED
from nst_keras.pictures.by_name import PictureReader
from nst_keras.pictures.plan import StylizeJob, blend_shares
from nst_keras.pictures.record import digests, kept_record, record_of
from nst_keras.pictures.videos.flow import import_cv2
from nst_keras.pictures.videos.video import change_video, read_video_settings
from nst_keras.storage.checkpoint import read_checkpoint, write_checkpoint
from nst_keras.storage.files import open_file
from nst_keras.transfer.descent import State, build_objective, plan_scales
from nst_keras.transfer.progress import StateWatch
from nst_keras.transfer.videos.frames import FilmPainter
from nst_keras.transfer.videos.settings import FilmSettings
from nst_keras.weights.vgg19 import load_vgg19


class FilmStylize:
    """A network with its compiled step, for any number of videos with the same settings."""

    def __init__(self, settings: FilmSettings, vgg: str = "", kernel_order: str = STORED) -> None:
        import_cv2()  # it is needed from the second frame on, which is minutes away
        weights = load_vgg19(vgg, kernel_order)
        self.settings, self._read = settings, PictureReader()
        self.objective = build_objective(weights, settings)
        self.maker = {"vgg": vgg, "kernel_order": kernel_order, "vgg_digest": weights.digest}

    def painter(self, job: StylizeJob) -> FilmPainter:
        """Paints a video's frames."""
        blend = blend_shares(job.style_weights, len(job.styles))
        return FilmPainter(self.objective, self._styles(job), blend, self.settings)

    def record(self, job: StylizeJob) -> dict[str, Any]:
        """What is stored in a video, and with its frames on the way, so that no others are taken for them."""
        with open_file(job.content) as file:
            content = hashlib.sha256(file.read()).hexdigest()
        pictures = {"pictures": [content, *digests(self._styles(job))]}
        return record_of(job, self.settings, self.maker) | pictures

    def _styles(self, job: StylizeJob) -> list[np.ndarray]:
        return [self._read(name, "style") for name in job.styles]


def paint_films_at_console(
    stylize: FilmStylize, jobs: Sequence[StylizeJob], *, resume: bool, repeated_digest: str | None = None
) -> int:
    """Paints videos and shows how far they are; Ctrl-C leaves what there is, whole. Returns the exit code.

    `repeated_digest` is the hash of the weights that made the video that is repeated, if one is.
    """
    if repeated_digest not in (None, stylize.maker["vgg_digest"]):
        say(f"note: that video was made with other weights, {repeated_digest}; see --vgg")
    with Console() as console:
        return console.each_picture(jobs, partial(_paint, console, stylize, resume))


def _paint(console: Console, stylize: FilmStylize, resume: bool, job: StylizeJob, title: str) -> bool:
    """Tells whether the video was painted to its end."""
    record, painter = stylize.record(job), stylize.painter(job)
    frames = _KeptFrames(job.output, record)
    if resume and not frames.folder.exists() and _is_made(job, record):
        console.say(f"{title}{job.output} is done already")
        return True
    if not resume and frames.folder.exists():
        console.say(f"starting anew; with --resume it would go on from {frames.folder}")
    console.say(
        f"{title}the first frame takes as long as a picture, each other {stylize.settings.frame_steps} steps"
    )
    show = _Shown(console)

    def change(frame: np.ndarray) -> np.ndarray | None:
        photo = frame.astype(np.float32)
        painted = frames.read(show.done + 1) if resume else None
        if painted is not None:
            painter.remember(photo, painted)
        else:
            try:
                painted = painter.paint(photo, show.watch_frame(photo, stylize.settings))
            except NonFiniteLossError as error:
                advice = (
                    f"Try a smaller learning_rate, or smaller weights. Frames are kept in {frames.folder}"
                )
                raise InputError(f"{job.content}, frame {show.done + 1}: {error}. {advice}") from error
            if painted is None:
                return None
            frames.write(show.done + 1, painted)
        return painter.finished(photo, painted)

    done = change_video(
        Path(job.content),
        job.output,
        change,
        settings=kept_record(record, job.file.metadata),
        before_writing=job.make_folder,
        should_stop=console.should_stop,
        observer=show.frame_done,
        note=console.say,
    )
    if console.should_stop():
        console.stopped(f"frames in {job.output}: {done}; --resume goes on from there")
        return False
    frames.remove()
    console.finished(job.output)
    return True


def _is_made(job: StylizeJob, record: dict[str, Any]) -> bool:
    """Whether a video is there as it would be made now."""
    try:
        made = read_video_settings(job.output)
    except InputError:
        return False
    return made == json.loads(json.dumps(kept_record(record, job.file.metadata)))


class _Shown:
    """The status line: frames, and the step within one."""

    def __init__(self, console: Console) -> None:
        self.done = 0
        self._console, self._watch = console, Stopwatch((0, 1), unit="frame")
        self._last = Progress(step=0, num_steps=0, unit="frame")

    def frame_done(self, done: int, frames: int) -> None:
        if self.done == 0:
            self._watch = Stopwatch((frames, 1), unit="frame")
        self.done, self._last = done, self._watch.see(done)
        self._console.show(self._last)

    def watch_frame(self, photo: np.ndarray, settings: FilmSettings) -> Any:
        watch = StateWatch(plan_scales(photo, settings), settings.margin)

        def after_step(state: State) -> bool:
            seen = watch.see(state)
            self._console.show(
                f"{self._last}  {seen.place} step {seen.step} total {seen.values['total']:.4g}"
            )
            return self._console.should_stop()

        return after_step


class _KeptFrames:
    """Painted frames in a folder beside the video, gone when that is done."""

    def __init__(self, output: Path, record: dict[str, Any]) -> None:
        self.folder = output.with_name(f"{output.name}.frames")
        self._record = record

    def read(self, number: int) -> np.ndarray | None:
        return read_checkpoint(
            self._path(number),
            self._record,
            lambda _values, arrays: arrays["frame"][0],
            other=f"{self.folder}: the frames are of another run",
            advice="Give the same flags, or leave out --resume to start anew.",
        )

    def write(self, number: int, painted: np.ndarray) -> None:
        if number == 1:
            self.remove()  # those of a run before are of no use any more
        self.folder.mkdir(exist_ok=True)
        write_checkpoint(self._path(number), {}, {"frame": [painted]}, self._record)

    def remove(self) -> None:
        for path in self.folder.glob("[0-9]*.npz"):
            path.unlink()
        with suppress(OSError):  # it isn't there, or holds something else
            self.folder.rmdir()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06}.npz"
