"""From picture files to a picture file: checkpoints, traces and everything else around the optimisation."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from nst_keras import __version__
from nst_keras.errors import InputError, NonFiniteLossError
from nst_keras.models.vgg19_layout import STORED
from nst_keras.pictures.by_name import load_picture
from nst_keras.pictures.images import read_settings, require_encodable, write_image
from nst_keras.pictures.plan import JobOptions, StylizeJob, check_job, checkpoint_path, path_on_the_way
from nst_keras.transfer.checkpoints import read_checkpoint, write_checkpoint
from nst_keras.transfer.descent import Pictures, State, finish, optimize_image, scale_sizes
from nst_keras.transfer.objective import Objective
from nst_keras.transfer.observers import Observer, TensorBoardWriter, TraceWriter
from nst_keras.transfer.progress import OptimizationProgress, StateWatch
from nst_keras.transfer.settings import INITS, StyleTransferSettings
from nst_keras.weights.vgg19 import load_vgg19


@dataclass(frozen=True)
class Outcome:
    """How a job ended: `finished`, or stopped with the picture so far and a checkpoint."""

    finished: bool
    state: State


class StyleTransfer:
    """A network with its compiled step, for any number of jobs with the same settings.

    Attributes:
        settings: How pictures are made.
        weights: The network's weights, with their source and digest.
    """

    def __init__(self, settings: StyleTransferSettings, vgg: str = "", kernel_order: str = STORED) -> None:
        """Loads the weights and builds the network.

        Raises:
            InputError: If the weights can't be had, or a layer isn't known.
        """
        self.settings = settings
        self._network = {"vgg": vgg, "kernel_order": kernel_order}
        self.weights = load_vgg19(vgg, kernel_order)
        self.objective = Objective(self.weights, settings)

    def run(
        self,
        job: StylizeJob,
        options: JobOptions = JobOptions(),
        *,
        before: Callable[[Pictures, State | None], None] = lambda pictures, start: None,
        observers: Sequence[Observer] = (),
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Makes a picture and writes it, with the settings in its metadata.

        Args:
            job: What to make.
            options: What to keep on the way.
            before: Called with the pictures and the state to go on from, once all of it is read.
            observers: Called after each step.
            should_stop: Asked after each step; True leaves the picture so far and a checkpoint.

        Raises:
            InputError: If something can't be read or written, which is found out before the first
                step, or the loss leaves the finite numbers; the last good picture is then written.
        """
        check_job(job, options)
        pictures = self._pictures(job)
        require_encodable(job.output, *scale_sizes(pictures.content, self.settings)[-1])
        record = self._record(job, pictures)
        checkpoint = checkpoint_path(job.output)
        start = read_checkpoint(checkpoint, record) if options.resume else None
        before(pictures, start)
        watch = StateWatch(pictures.content, self.settings)
        with ExitStack() as stack:
            keeper = _Keeper(job, options, self.settings, pictures.content, record)
            watchers: list[Observer] = [
                keeper,
                *_file_observers(options, watch.steps_done(start), stack),
                *observers,
            ]
            stopped = False

            def after_step(state: State) -> bool:
                nonlocal stopped
                progress = watch.see(state)
                for observer in watchers:
                    observer(progress)
                stopped = should_stop() and progress.step < progress.num_steps
                return stopped

            try:
                state = optimize_image(
                    self.objective, pictures, self.settings, start=start, callback=after_step
                )
            except NonFiniteLossError as error:
                raise InputError(keeper.rescue(error)) from error
            except (MemoryError, tf.errors.ResourceExhaustedError) as error:
                height, width = scale_sizes(pictures.content, self.settings)[-1]
                raise InputError(
                    f"there is not enough memory for {width}x{height} pixels: lower size"
                ) from error
        if stopped and keeper.last is not None:
            keeper.write(job.output, keeper.last)
            write_checkpoint(checkpoint, state, record)
        else:
            write_image(job.output, finish(state.image, pictures.content, self.settings), record)
            checkpoint.unlink(missing_ok=True)
        return Outcome(not stopped, state)

    def is_done(self, job: StylizeJob) -> bool:
        """Whether the output is there already, made whole from the same pictures and settings."""
        if not job.output.exists() or checkpoint_path(job.output).exists():
            return False
        try:
            return read_settings(job.output) == self._record(job, self._pictures(job))
        except InputError:
            return False

    def _record(self, job: StylizeJob, pictures: Pictures) -> dict[str, Any]:
        """What is stored in the picture's metadata: enough to make it again, and to know that it is it."""
        return {
            "program": f"nst_keras {__version__}",
            "content": job.content,
            "styles": list(job.styles),
            "style_weights": list(job.style_weights),
            **self._network,
            "vgg_digest": self.weights.digest,
            "pictures": _digests(pictures),
            "settings": self.settings.to_dict(),
        }

    def _pictures(self, job: StylizeJob) -> Pictures:
        init = self.settings.init
        return Pictures(
            load_picture(job.content, "content"),
            [load_picture(name, "style") for name in job.styles],
            job.style_weights,
            None if init in INITS else load_picture(init, "init"),
        )


class _Keeper:
    """Writes checkpoints and pictures on the way, and remembers the last good state."""

    def __init__(
        self,
        job: StylizeJob,
        options: JobOptions,
        settings: StyleTransferSettings,
        content: np.ndarray,
        record: dict[str, Any],
    ) -> None:
        self._job, self._options, self._settings = job, options, settings
        self._content, self._record = content, record
        self.last: OptimizationProgress | None = None

    def __call__(self, progress: OptimizationProgress) -> None:
        """Sees one step. What can't be written on the way is no reason to lose the picture at the end."""
        self.last = progress
        every, output = self._settings.save_every, self._job.output
        try:
            if progress.step % self._options.checkpoint_every == 0:
                write_checkpoint(checkpoint_path(output), progress.state, self._record)
            if every and progress.step % every == 0:
                self.write(path_on_the_way(output, progress.step, progress.num_steps), progress)
        except InputError as error:
            logging.warning("%s; going on without", error)

    def rescue(self, error: NonFiniteLossError) -> str:
        """Writes the last good picture and returns what to tell the user."""
        advice = "Try a smaller learning_rate, or smaller weights."
        if self.last is None:
            return f"{error}, at the first step. {advice}"
        self.write(self._job.output, self.last)
        return f"{error}. The last good picture is in {self._job.output}. {advice}"

    def write(self, path: Path, progress: OptimizationProgress) -> None:
        """Writes a picture that isn't the last one; its metadata says at which step it was."""
        image = finish(progress.state.image, self._content, self._settings)
        write_image(path, image, {**self._record, "step": progress.step})


def _file_observers(options: JobOptions, steps_done: int, stack: ExitStack) -> list[Observer]:
    observers: list[Observer] = []
    if options.trace:
        trace = TraceWriter(Path(options.trace), steps_done)
        stack.callback(trace.close)
        observers.append(trace)
    if options.tensorboard_dir:
        board = TensorBoardWriter(options.tensorboard_dir, picture_every=options.checkpoint_every)
        stack.callback(board.close)
        observers.append(board)
    return observers


def _digests(pictures: Pictures) -> list[str]:
    """Hashes of the pixels, so that a checkpoint isn't continued with other pictures."""
    arrays = [pictures.content, *pictures.styles]
    if pictures.init is not None:
        arrays.append(pictures.init)
    return [hashlib.sha256(np.ascontiguousarray(array).data).hexdigest() for array in arrays]
