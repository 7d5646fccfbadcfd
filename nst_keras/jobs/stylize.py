"""From picture files to a picture file: checkpoints, traces and everything else around the optimisation."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras import __version__
from nst_keras.converters.vgg19 import load_vgg19
from nst_keras.errors import InputError
from nst_keras.io.images import read_settings, write_image
from nst_keras.jobs.checkpoints import checkpoint_path, read_checkpoint, write_checkpoint
from nst_keras.jobs.observers import Observer, TensorBoardWriter, TraceWriter
from nst_keras.jobs.pictures import load_picture
from nst_keras.jobs.plan import StylizeJob, check_job
from nst_keras.jobs.progress import Progress, Stopwatch
from nst_keras.training.image_optimization import Pictures, State, finish, optimize_image
from nst_keras.training.objective import Objective
from nst_keras.training.optimizers import NonFiniteLossError
from nst_keras.training.settings import INITS, StyleTransferSettings


@dataclass(frozen=True)
class JobOptions:
    """What is kept on the way.

    Attributes:
        checkpoint_every: Steps between checkpoints.
        trace: File for a JSON line a step, or "".
        tensorboard_dir: Folder for TensorBoard's events, or "".
        resume: Go on from a checkpoint if there is one.
    """

    checkpoint_every: int = 25
    trace: str = ""
    tensorboard_dir: str = ""
    resume: bool = False


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

    def __init__(self, settings: StyleTransferSettings, vgg: str = "", kernel_order: str = "stored") -> None:
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
        check_job(job)
        pictures = self._pictures(job)
        record = self.record(job)
        identity = {**record, "pictures": _digests(pictures)}
        checkpoint = checkpoint_path(job.output)
        start = read_checkpoint(checkpoint, identity) if options.resume else None
        before(pictures, start)
        stopwatch = Stopwatch(pictures.content, self.settings)
        with ExitStack() as stack:
            keeper = _Keeper(self, job, options, pictures, identity)
            watchers: list[Observer] = [
                keeper,
                *_file_observers(options, stopwatch.steps_done(start), stack),
                *observers,
            ]
            stopped = False

            def after_step(state: State) -> bool:
                nonlocal stopped
                progress = stopwatch.see(state)
                for watch in watchers:
                    watch(progress)
                stopped = should_stop() and progress.step < progress.num_steps
                return stopped

            try:
                state = optimize_image(
                    self.objective, pictures, self.settings, start=start, callback=after_step
                )
            except NonFiniteLossError as error:
                raise InputError(keeper.rescue(error)) from error
        if stopped and keeper.last is not None:
            write_checkpoint(checkpoint, state, identity)
            keeper.write(job.output, keeper.last)
        else:
            write_image(job.output, finish(state.image, pictures.content, self.settings), record)
            checkpoint.unlink(missing_ok=True)
        return Outcome(not stopped, state)

    def is_done(self, job: StylizeJob) -> bool:
        """Whether the output is there already, made whole from the same names and settings."""
        if not job.output.exists() or checkpoint_path(job.output).exists():
            return False
        try:
            return read_settings(job.output) == self.record(job)
        except InputError:
            return False

    def record(self, job: StylizeJob) -> dict[str, Any]:
        """What is stored in the picture's metadata: enough to make it again."""
        return {
            "program": f"nst_keras {__version__}",
            "content": job.content,
            "styles": list(job.styles),
            "style_weights": list(job.style_weights),
            **self._network,
            "vgg_digest": self.weights.digest,
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
    """Writes checkpoints and intermediate pictures, and remembers the last good state."""

    def __init__(
        self,
        transfer: StyleTransfer,
        job: StylizeJob,
        options: JobOptions,
        pictures: Pictures,
        identity: dict[str, Any],
    ) -> None:
        self._settings, self._job, self._options = transfer.settings, job, options
        self._content, self._identity = pictures.content, identity
        self._record = transfer.record(job)
        self.last: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        """Sees one step."""
        self.last = progress
        if progress.step % self._options.checkpoint_every == 0:
            write_checkpoint(checkpoint_path(self._job.output), progress.state, self._identity)
        save_every = self._settings.save_every
        if save_every and progress.step % save_every == 0:
            output = self._job.output
            digits = len(str(progress.num_steps))
            name = f"{output.stem}_{progress.step:0{digits}d}{output.suffix}"
            self.write(output.with_name(name), progress)

    def rescue(self, error: NonFiniteLossError) -> str:
        """Writes the last good picture and returns what to tell the user."""
        advice = "Try a smaller learning_rate, or smaller weights."
        if self.last is None:
            return f"{error}, at the first step. {advice}"
        self.write(self._job.output, self.last)
        return f"{error}. The last good picture is in {self._job.output}. {advice}"

    def write(self, path: Path, progress: Progress) -> None:
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
