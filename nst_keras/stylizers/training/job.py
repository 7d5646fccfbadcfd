"""The training of a stylizer, from paintings and photos to one small file."""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras import __version__
from nst_keras.classifiers.plan import CHECKPOINT, LOG, TENSORBOARD
from nst_keras.errors import InputError
from nst_keras.pictures.images import write_image
from nst_keras.runs.log import TrainingLog
from nst_keras.runs.state import TrainingState, read_state, write_state
from nst_keras.stylizers.architecture import architecture_trained_by, require_architecture
from nst_keras.stylizers.archive import STYLIZER_FILE
from nst_keras.stylizers.training.photo_batches import PhotoBatches
from nst_keras.stylizers.training.pictures import draw_sheet
from nst_keras.stylizers.training.progress import StylizerProgress
from nst_keras.stylizers.training.settings import AveragedSettings, StylizerRun
from nst_keras.stylizers.training.trainee import TrainingPictures

PREVIEWS = "previews"


class StylizerTraining:
    """One training: paintings, photos, network, and everything that is kept of it.

    Attributes:
        settings: How to train, and by their type the architecture.
        plan: What to begin with, where to, and what to leave.
        folder: Where everything is written.
        styles: The network's styles: those of `plan.init` first, then new ones; none if it takes any.
        title: What is trained, in words.
        num_photos: How many photos it is trained on.
        trainer: The network with its step.
    """

    def __init__(
        self,
        settings: AveragedSettings,
        plan: StylizerRun,
        pictures: TrainingPictures,
        strategy: tf.distribute.Strategy | None = None,
    ) -> None:
        """Reads weights and builds the network.

        Raises:
            InputError: If they can't be had, or don't fit together.
        """
        self.settings, self.plan, self.folder = settings, plan, _make_folder(plan.output_dir)
        self.num_photos = len(pictures.photos)
        self._batches = PhotoBatches.of(pictures.photos, settings)
        self._previews = pictures.previews
        self._architecture = architecture_trained_by(settings)
        if plan.init:
            require_architecture(plan.init, self._architecture)
        over = strategy or tf.distribute.get_strategy()
        self._trainee = self._architecture.parts.trainee()(settings, plan, pictures, over)
        self.styles, self.title = self._trainee.styles, self._trainee.title
        self.trainer = self._trainee.trainer
        # Of the steps since the log's last row.
        self._terms = np.zeros([0, len(self.trainer.term_names)], np.float32)
        self._writes = getattr(getattr(strategy, "cluster_resolver", None), "task_id", 0) in (0, None)

    def run(
        self,
        *,
        observer: Callable[[StylizerProgress], None] = lambda progress: None,
        should_stop: Callable[[], bool] = lambda: False,
        say: Callable[[str], None] = lambda text: None,
    ) -> Path | None:
        """Trains to the end or until told to stop, and leaves a checkpoint either way.

        Returns:
            The stylizer's file; None if it was stopped before the end.

        Raises:
            InputError: If the folder holds another training, or the loss leaves the finite numbers.
        """
        if self.plan.restart and self._writes:
            _clear(self.folder)
        state = None if self.plan.restart else read_state(self.folder / CHECKPOINT, self._record())
        if state:
            *arrays, self._terms = state.arrays
            self.trainer.set_state(arrays)
            say(f"going on at step {state.step} of {self.settings.num_steps}")
        state = self._train(state or TrainingState(), observer, should_stop, say)
        if not self._writes:
            return self.folder / STYLIZER_FILE
        self._save(state)
        if state.step < self.settings.num_steps:
            return None
        self._trainee.write(self.folder / STYLIZER_FILE, self._card(state))
        return self.folder / STYLIZER_FILE

    def _train(
        self,
        state: TrainingState,
        observer: Callable[[StylizerProgress], None],
        should_stop: Callable[[], bool],
        say: Callable[[str], None],
    ) -> TrainingState:
        names, num_steps = self.trainer.term_names, self.settings.num_steps
        log = TrainingLog(self.folder, self.plan.tensorboard, "step") if self._writes else None
        began = last_saved = time.monotonic()
        first, before, timed = state.step, state.seconds, 0.0
        while state.step < num_steps and not should_stop():
            step = state.step
            terms = self._trainee.step(step, self._batches.batch(step))
            self._terms = np.concatenate([self._terms, terms[np.newaxis]])
            now = time.monotonic()
            state = replace(state, step=step + 1, seconds=before + now - began)
            timed = timed or now  # the first step, which includes tracing, isn't timed
            means = dict(zip(names, self._terms.mean(axis=0).tolist(), strict=True))
            pace = (now - timed) / (step - first) if step > first else None
            observer(StylizerProgress(state.step, num_steps, means, pace))
            if log and (state.step % self.plan.log_every == 0 or state.step == num_steps):
                row = {
                    "step": state.step,
                    "loss": sum(means.values()),
                    **means,
                    "seconds": round(state.seconds, 1),
                }
                state = replace(state, history=(*state.history, row))
                self._terms = self._terms[:0]
                log.write(state.history)
            if log and self._is_preview(state.step):
                say(f"preview: {self._preview(state.step, log)}")
            if log and now - last_saved >= self.plan.checkpoint_seconds:
                self._save(state)
                last_saved = now
        if log:
            log.close()
        return state

    def _is_preview(self, step: int) -> bool:
        every = self.plan.preview_every
        return bool(self._previews) and (step == self.settings.num_steps or bool(every and step % every == 0))

    def _preview(self, step: int, log: TrainingLog) -> Path:
        painted = [self._trainee.paint(photo) for photo in self._previews]
        sheet = draw_sheet(self._previews, self._trainee.shown, painted)
        path = self.folder / PREVIEWS / f"step_{step:06d}.png"
        path.parent.mkdir(exist_ok=True)
        write_image(path, sheet)
        log.show("previews", sheet, step)
        return path

    def _save(self, state: TrainingState) -> None:
        write_state(
            self.folder / CHECKPOINT,
            replace(state, arrays=[*self.trainer.state(), self._terms]),
            self._record(),
        )

    def _record(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be gone on from."""
        return {"settings": self.settings.to_dict(), **self._trainee.record, "photos": self.num_photos}

    def _card(self, state: TrainingState) -> dict[str, Any]:
        return {
            "architecture": self._architecture.name,
            **self._trainee.card,
            "settings": self.settings.to_dict(),
            "photos": self.num_photos,
            "seconds": round(state.seconds),
            "losses": {name: value for name, value in state.history[-1].items() if name != "seconds"},
            "versions": {
                "nst_keras": __version__,
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
            },
        }


def _make_folder(name: str) -> Path:
    try:
        Path(name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output_dir: {name} can't be made: {error.strerror}") from error
    return Path(name)


def _clear(folder: Path) -> None:
    """Removes what a training leaves, and nothing else."""
    for name in (CHECKPOINT, STYLIZER_FILE, LOG):
        (folder / name).unlink(missing_ok=True)
    for name in (PREVIEWS, TENSORBOARD):
        shutil.rmtree(folder / name, ignore_errors=True)
