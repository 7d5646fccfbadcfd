"""The training of a stylizer, from paintings and photos to one small file."""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras import __version__
from nst_keras.converters.stylizer_files import Stylizer, read_stylizer, write_stylizer
from nst_keras.converters.vgg19 import load_vgg19
from nst_keras.errors import InputError
from nst_keras.io.images import write_image
from nst_keras.jobs.status_line import format_seconds
from nst_keras.jobs.stylizer_pictures import TrainingPictures, draw_sheet
from nst_keras.jobs.stylizer_plan import StylizerRun
from nst_keras.jobs.training_log import TrainingLog
from nst_keras.jobs.training_plan import CHECKPOINT, LOG, TENSORBOARD
from nst_keras.jobs.training_state import TrainingState, read_state, write_state
from nst_keras.models.multi_style import multi_style
from nst_keras.training.perceptual_loss import PerceptualLoss
from nst_keras.training.photo_batches import PhotoBatches
from nst_keras.training.settings import StyleTransferSettings
from nst_keras.training.stylizer_settings import StylizerSettings
from nst_keras.training.stylizers import StylizerTrainer

STYLIZER, PREVIEWS = "stylizer.npz", "previews"


@dataclass(frozen=True)
class StylizerProgress:
    """A moment of a training.

    Attributes:
        step: Steps done.
        num_steps: Steps in all.
        terms: The loss's weighted terms by name, means since the last row of the log.
        seconds_per_step: Mean since this run's first step; None before it is known.
    """

    step: int
    num_steps: int
    terms: Mapping[str, float]
    seconds_per_step: float | None

    def __str__(self) -> str:
        """One line of text: step, losses, speed and time left."""
        groups: dict[str, float] = {}
        for name, value in self.terms.items():
            groups[name.partition("/")[0]] = groups.get(name.partition("/")[0], 0.0) + value
        parts = [f"step {self.step}/{self.num_steps}", f"loss {sum(groups.values()):.4g}"]
        parts += [f"{name} {value:.4g}" for name, value in groups.items()]
        if self.seconds_per_step is not None:
            left = self.seconds_per_step * (self.num_steps - self.step)
            parts += [f"{self.seconds_per_step:.2f} s/step", f"ETA {format_seconds(left)}"]
        return "  ".join(parts)


class StylizerTraining:
    """One training: paintings, photos, network, and everything that is kept of it.

    Attributes:
        settings: How to train.
        plan: What to begin with, where to, and what to leave.
        folder: Where everything is written.
        styles: The network's styles: those of `plan.init` first, then new ones.
        num_photos: How many photos it is trained on.
        trainer: The network with its step.
    """

    def __init__(
        self,
        settings: StylizerSettings,
        plan: StylizerRun,
        pictures: TrainingPictures,
        strategy: tf.distribute.Strategy | None = None,
    ) -> None:
        """Reads weights and builds the network.

        Raises:
            InputError: If they can't be had, or don't fit together.
        """
        self.settings, self.plan, self.folder = settings, plan, _make_folder(plan.output_dir)
        self._strategy = strategy or tf.distribute.get_strategy()
        paintings = pictures.paintings
        initial = read_stylizer(plan.init) if plan.init else None
        known = initial.styles if initial else ()
        self.styles = (*known, *(name for name in paintings if name not in known))
        missing = [name for name in known if name not in paintings]
        new = len(self.styles) - len(known)
        if missing and not new:
            raise InputError(
                f"styles must have the paintings of {plan.init}, or new ones. Missing: {missing}"
            )
        if initial and initial.width != settings.width:
            raise InputError(f"width must be that of {plan.init}. Received: width={settings.width}")
        self.num_photos = len(pictures.photos)
        self._batches = PhotoBatches(
            pictures.photos,
            settings.batch_size,
            settings.crop_size,
            settings.largest_scale,
            settings.flip,
            settings.seed,
        )
        self._previews = pictures.previews
        # Of a style that is only kept no painting is needed.
        blank = np.full([settings.style_size // 4, settings.style_size // 4, 3], 127.5, np.float32)
        self._paintings = {name: paintings.get(name, blank) for name in self.styles}
        self.trainer = self._make_trainer(initial, len(known) if new else 0)
        # Of the steps since the log's last row.
        self._terms = np.zeros([0, len(self.trainer.loss.term_names)], np.float32)
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
            return self.folder / STYLIZER
        self._save(state)
        if state.step < self.settings.num_steps:
            return None
        write_stylizer(self.folder / STYLIZER, self._result(state))
        return self.folder / STYLIZER

    def _train(
        self,
        state: TrainingState,
        observer: Callable[[StylizerProgress], None],
        should_stop: Callable[[], bool],
        say: Callable[[str], None],
    ) -> TrainingState:
        names, num_steps = self.trainer.loss.term_names, self.settings.num_steps
        log = TrainingLog(self.folder, self.plan.tensorboard, "step") if self._writes else None
        began = last_saved = time.monotonic()
        first, before, timed = state.step, state.seconds, 0.0
        while state.step < num_steps and not should_stop():
            step = state.step
            terms = self.trainer.step(self._batches.batch(step), self.trainer.style_weights(step))
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
        numbers, stylize = range(len(self.styles)), self.trainer.stylize
        painted = [[stylize(photo, number) for number in numbers] for photo in self._previews]
        sheet = draw_sheet(self._previews, self._paintings, painted)
        path = self.folder / PREVIEWS / f"step_{step:06d}.png"
        path.parent.mkdir(exist_ok=True)
        write_image(path, sheet)
        log.show("previews", sheet, step)
        return path

    def _make_trainer(self, initial: Stylizer | None, first_trained: int) -> StylizerTrainer:
        keras.utils.set_random_seed(self.settings.seed)
        with self._strategy.scope():
            model = multi_style(len(self.styles), width=self.settings.width)
            if initial:
                _copy_weights(initial.model, model)
        defaults = StyleTransferSettings()
        losses = replace(
            defaults,
            content_weight=self.settings.content_weight,
            style_weight=self.settings.style_weight,
            tv_weight=self.settings.tv_weight,
        )
        loss = PerceptualLoss(load_vgg19(self.plan.vgg), losses, list(self._paintings.values()))
        return StylizerTrainer(
            model, loss, self.settings, strategy=self._strategy, first_trained_style=first_trained
        )

    def _save(self, state: TrainingState) -> None:
        write_state(
            self.folder / CHECKPOINT,
            replace(state, arrays=[*self.trainer.state(), self._terms]),
            self._record(),
        )

    def _record(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be gone on from."""
        return {"settings": self.settings.to_dict(), "styles": list(self.styles), "photos": self.num_photos}

    def _result(self, state: TrainingState) -> Stylizer:
        losses = {name: value for name, value in state.history[-1].items() if name != "seconds"}
        card = {
            "architecture": "multi_style",
            "settings": self.settings.to_dict(),
            "photos": self.num_photos,
            "seconds": round(state.seconds),
            "losses": losses,
            "versions": {
                "nst_keras": __version__,
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
            },
        }
        return Stylizer(self.trainer.average, self.styles, self.settings.width, card)


def _copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Into a network that may have more styles; new ones begin as the mean of the old ones."""
    for old, new in zip(source.weights, target.weights, strict=True):
        array = np.asarray(old)
        if new.name in ("gamma", "beta"):
            added = np.repeat(array.mean(axis=0, keepdims=True), new.shape[0] - len(array), axis=0)
            array = np.concatenate([array, added])
        new.assign(array)


def _make_folder(name: str) -> Path:
    try:
        Path(name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output_dir: {name} can't be made: {error.strerror}") from error
    return Path(name)


def _clear(folder: Path) -> None:
    """Removes what a training leaves, and nothing else."""
    for name in (CHECKPOINT, STYLIZER, LOG):
        (folder / name).unlink(missing_ok=True)
    for name in (PREVIEWS, TENSORBOARD):
        shutil.rmtree(folder / name, ignore_errors=True)
