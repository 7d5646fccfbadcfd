"""A training that can be killed at any moment: the same command goes on from its last checkpoint."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from nst_keras.console.progress import Stopwatch
from nst_keras.runs.log import TrainingLog
from nst_keras.runs.plan import CHECKPOINT, RunPlan, clear
from nst_keras.storage.checkpoint import Arrays, Values, read_checkpoint, write_checkpoint


@dataclass(frozen=True)
class Watcher:
    """Who looks on.

    Attributes:
        show: Called with what has a text, such as the progress after each step.
        say: Called with a line of text now and then.
        should_stop: Asked after each step.
    """

    show: Callable[[object], None] = lambda text: None
    say: Callable[[str], None] = lambda text: None
    should_stop: Callable[[], bool] = lambda: False


class Trained(Protocol):
    """What a run trains, with all that its next steps depend on as plain values and groups of arrays."""

    def state(self) -> tuple[Values, Arrays]:
        """Returns it."""

    def set_state(self, values: Values, arrays: Arrays) -> None:
        """Goes back to it; the values of the run are among those that are passed."""


class Run:
    """The steps of a training, with log and checkpoints in its folder.

        with Run(...) as run:
            for step in run.steps():
                ...
                run.show(values)

    Each of several workers goes through it, and one writes. At the end of the block, unless that fails, there
    is a checkpoint of where it got to.

    Args:
        trained: What is trained.
        folder: Where checkpoint and log go.
        plan: What to keep, and whether to begin anew.
        record: What must be the same for a checkpoint to be gone on from.
        num_steps: Steps of the whole training.
        watcher: Who looks on.
        leaves: Files and folders that the training leaves besides, to be removed where it begins anew.
        writes: Whether this process writes.
        images_per_step: For speeds in images per second.
        timed: Whether the log tells what is called "seconds".

    Attributes:
        step: Steps done, with the present one.
        seconds: Time they took, over all runs of the command.
        history: The rows of the log.
        finished: Whether there is no step left.
    """

    def __init__(
        self,
        trained: Trained,
        folder: Path,
        plan: RunPlan,
        record: Values,
        num_steps: int,
        watcher: Watcher,
        *,
        leaves: Sequence[str] = (),
        writes: bool = True,
        images_per_step: int = 0,
        timed: bool = True,
    ) -> None:
        self.step, self.seconds, self.finished = 0, 0.0, False
        self.history: list[Mapping[str, float]] = []
        self._trained, self._folder, self._plan, self._record = trained, folder, plan, record
        self._num_steps, self._watcher, self._leaves, self._writes = num_steps, watcher, leaves, writes
        self._timed = timed
        self._watch = Stopwatch((num_steps, 1), images_per_step=images_per_step)
        self._log: TrainingLog | None = None
        self._began = self._last_saved = 0.0

    def __enter__(self) -> Self:
        """Begins anew, or goes on from the folder's checkpoint."""
        if self._plan.restart:
            if self._writes:
                clear(self._folder, self._leaves)
            return self
        read_checkpoint(
            self._folder / CHECKPOINT,
            self._record,
            self._go_on,
            other=f"{self._folder}: holds a training with other settings",
            advice="Give the same flags, another --output_dir, or --restart to replace it.",
        )
        return self

    def _go_on(self, values: Values, arrays: Arrays) -> None:
        self.step, self.seconds, self.history = values["step"], values["seconds"], list(values["history"])
        self._trained.set_state(values, arrays)
        self._watcher.say(f"going on at step {self.step} of {self._num_steps}")

    def steps(self) -> Iterator[int]:
        """Yields the numbers of the steps to take, from 0, to the last or until the watcher stops them."""
        self.finished = self.finished or self.step == self._num_steps
        if self._writes and not self.finished:
            self._log = TrainingLog(self._folder, self._plan.tensorboard, self._timed)
        self._last_saved = time.monotonic()
        self._began = self._last_saved - self.seconds
        while not self.finished:
            self.step += 1
            yield self.step - 1
            self.finished = self.finished or self.step == self._num_steps
            if self._watcher.should_stop():
                return
            if not self.finished and time.monotonic() - self._last_saved >= self._plan.checkpoint_seconds:
                self._save()

    def show(self, values: Mapping[str, float], place: str = "") -> None:
        """Tells the watcher about a step that has just been taken."""
        self.seconds = time.monotonic() - self._began
        self._watcher.show(self._watch.see(self.step, place, values))

    def log(self, row: Mapping[str, float]) -> None:
        """Adds a row to the log, whose first column numbers it."""
        self.history.append(row)
        if self._log:
            self._log.write(self.history)

    def log_picture(self, name: str, image: np.ndarray) -> None:
        """Gives TensorBoard a picture, uint8 [h, w, 3]."""
        if self._log:
            self._log.show(name, image, self.step)

    def save_soon(self) -> None:
        """Has a checkpoint written after this step."""
        self._last_saved = -math.inf

    def _save(self) -> None:
        if self._writes:
            values, arrays = self._trained.state()
            own = {"step": self.step, "seconds": self.seconds, "history": self.history}
            write_checkpoint(self._folder / CHECKPOINT, own | dict(values), arrays, self._record)
        self._last_saved = time.monotonic()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Leaves a checkpoint, unless the block failed."""
        if self._log:
            self._log.close()
        if kind is None:
            self._save()
