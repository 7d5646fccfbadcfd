"""From picture files to a picture file: checkpoints, traces and everything else around the optimisation."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from absl import logging

from nst_keras.errors import InputError, NonFiniteLossError
from nst_keras.models.vgg19_layout import STORED
from nst_keras.pictures.by_name import PictureReader
from nst_keras.pictures.images import require_encodable
from nst_keras.pictures.masks import job_regions
from nst_keras.pictures.plan import StylizeJob, blend_shares, checkpoint_path, path_on_the_way
from nst_keras.pictures.record import write_painting
from nst_keras.pictures.settings import JobOptions
from nst_keras.pictures.transparency import Pixels
from nst_keras.transfer.checkpoints import read_checkpoint, write_checkpoint
from nst_keras.transfer.descent import (
    Pictures,
    Scale,
    State,
    build_objective,
    finished_image,
    optimize_image,
    plan_scales,
)
from nst_keras.transfer.observers import Observer, TensorBoardWriter, TraceWriter
from nst_keras.transfer.plan import records_of
from nst_keras.transfer.progress import OptimizationProgress, StateWatch
from nst_keras.transfer.settings import INITS, StyleTransferSettings
from nst_keras.weights.vgg19 import load_vgg19


@dataclass(frozen=True)
class Outcome:
    """How a job ended: `finished`, or stopped with the picture so far and a checkpoint."""

    finished: bool
    state: State


@dataclass(frozen=True)
class PreparedTransfer:
    """A job before its first step, with what is stored in the picture and the state to go on from, if any."""

    job: StylizeJob
    options: JobOptions
    pictures: Pictures
    content: Pixels
    scales: Sequence[Scale]
    record: Mapping[str, Any]
    start: State | None


class OptimizedStylize:
    """A network with its compiled step, for any number of jobs with the same settings."""

    def __init__(self, settings: StyleTransferSettings, vgg: str = "", kernel_order: str = STORED) -> None:
        self.settings = settings
        self.weights = load_vgg19(vgg, kernel_order)
        self._read = PictureReader()
        self.records = records_of(settings, vgg, kernel_order, self.weights.digest, self._read)
        self.objective = build_objective(self.weights, settings)

    def prepare(self, job: StylizeJob, options: JobOptions = JobOptions()) -> PreparedTransfer:
        """Reads what a job (see `check_job`) needs and works out what is known before the first step."""
        init = self.settings.init
        content = self._read.pixels(job.content, "content")
        pictures = Pictures(
            content.rgb,
            [self._read(name, "style") for name in job.styles],
            blend_shares(job.style_weights, len(job.styles)),
            None if init in INITS else self._read(init, "init"),
            job_regions(job, self._read),
        )
        try:
            scales = plan_scales(pictures.content, self.settings)
        except InputError as error:
            raise InputError(f"content: {job.content}: {error}") from error
        require_encodable(job.output, scales[-1].height, scales[-1].width)
        record = self.records.of(job)
        start = read_checkpoint(checkpoint_path(job.output), record) if options.resume else None
        return PreparedTransfer(job, options, pictures, content, scales, record, start)

    def run(
        self,
        prepared: PreparedTransfer,
        *,
        observers: Sequence[Observer] = (),
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Makes a picture and writes it, with the settings in its metadata.

        Observers are called after each step, and `should_stop` is asked: True, which may come after a pause,
        leaves the picture so far and a checkpoint. If the loss leaves the finite numbers, the last good
        picture is written.
        """
        job, checkpoint = prepared.job, checkpoint_path(prepared.job.output)
        watch = StateWatch(prepared.scales, self.settings.margin)
        job.make_folder()
        with ExitStack() as stack:
            keeper = _Keeper(prepared, self.settings)
            files = _file_observers(prepared.options, watch.steps_done(prepared.start), stack)
            watchers: list[Observer] = [keeper, *files, *observers]
            stopped = False

            def after_step(state: State) -> bool:
                nonlocal stopped
                progress = watch.see(state)
                for observer in watchers:
                    observer(progress)
                asked = time.monotonic()
                stopped = should_stop() and progress.step < progress.num_steps
                watch.leave_out(time.monotonic() - asked)
                return stopped

            try:
                state = optimize_image(
                    self.objective,
                    prepared.pictures,
                    prepared.scales,
                    self.settings,
                    start=prepared.start,
                    callback=after_step,
                )
            except NonFiniteLossError as error:
                raise InputError(keeper.rescue(error)) from error
        if stopped and keeper.last is not None:
            keeper.write(job.output, keeper.last)
            write_checkpoint(checkpoint, state, prepared.record)
        else:
            image = finished_image(state, prepared.pictures, self.settings)
            write_painting(job, image, prepared.content, prepared.record)
            checkpoint.unlink(missing_ok=True)
        return Outcome(not stopped, state)


class _Keeper:
    """Writes checkpoints and pictures on the way, and remembers the last good state."""

    def __init__(self, prepared: PreparedTransfer, settings: StyleTransferSettings) -> None:
        self._prepared, self._settings, self._output = prepared, settings, prepared.job.output
        self.last: OptimizationProgress | None = None

    def __call__(self, progress: OptimizationProgress) -> None:
        """Sees one step. What can't be written on the way is no reason to lose the picture at the end."""
        self.last = progress
        every, output = self._settings.save_every, self._output
        try:
            if progress.step % self._prepared.options.checkpoint_every == 0:
                write_checkpoint(checkpoint_path(output), progress.state, self._prepared.record)
            if every and progress.step % every == 0:
                self.write(path_on_the_way(output, progress.step, progress.num_steps), progress)
        except InputError as error:
            logging.warning("%s; going on without", error)

    def rescue(self, error: NonFiniteLossError) -> str:
        """Writes the last good picture and returns what to tell the user."""
        advice = "Try a smaller learning_rate, or smaller weights."
        if self.last is None:
            return f"{error}, at the first step. {advice}"
        self.write(self._output, self.last)
        return f"{error}. The last good picture is in {self._output}. {advice}"

    def write(self, path: Path, progress: OptimizationProgress) -> None:
        """Writes a picture that isn't the last one; its metadata says at which step it was."""
        prepared = self._prepared
        image = finished_image(progress.state, prepared.pictures, self._settings)
        record = {**prepared.record, "step": progress.step}
        write_painting(prepared.job, image, prepared.content, record, path)


def _file_observers(options: JobOptions, steps_done: int, stack: ExitStack) -> list[Observer]:
    observers: list[Observer] = []
    if options.trace:
        observers.append(stack.enter_context(closing(TraceWriter(Path(options.trace), steps_done))))
    if options.tensorboard_dir:
        board = TensorBoardWriter(options.tensorboard_dir, picture_every=options.checkpoint_every)
        observers.append(stack.enter_context(closing(board)))
    return observers
