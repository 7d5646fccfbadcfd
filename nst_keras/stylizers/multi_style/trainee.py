"""What is trained when a stylizer of named styles is: network, loss, and the order of the styles."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.losses.settings import LossSettings
from nst_keras.models.multi_style import multi_style
from nst_keras.stylizers.multi_style.file import Stylizer, read_stylizer, write_stylizer
from nst_keras.stylizers.multi_style.settings import StylizerSettings
from nst_keras.stylizers.multi_style.trainer import StylizerTrainer
from nst_keras.stylizers.training.perceptual_loss import PerceptualLoss
from nst_keras.stylizers.training.settings import StylizerRun
from nst_keras.stylizers.training.trainee import Trainee, TrainingPictures, read_initial
from nst_keras.weights.vgg19 import load_vgg19


class MultiStyleTrainee(Trainee):
    """A network with a row of scales and offsets for each style: those of `run.init` first, then new ones."""

    trainer: StylizerTrainer

    def __init__(
        self,
        settings: StylizerSettings,
        run: StylizerRun,
        pictures: TrainingPictures,
        strategy: tf.distribute.Strategy,
    ) -> None:
        """Reads weights and builds the network."""
        paintings = pictures.paintings
        initial: Stylizer | None = read_initial(read_stylizer, run, settings.width)
        known = initial.styles if initial else ()
        self.styles = (*known, *(name for name in paintings if name not in known))
        missing = [name for name in known if name not in paintings]
        new = len(self.styles) - len(known)
        if missing and not new:
            raise InputError(f"styles must have the paintings of {run.init}, or new ones. Missing: {missing}")
        # Of a style that is only kept no painting is needed.
        blank = np.full([settings.style_size // 4, settings.style_size // 4, 3], 127.5, np.float32)
        self.shown = {name: paintings.get(name, blank) for name in self.styles}
        self.title = ", ".join(self.styles)
        self.record, self.card = {"styles": list(self.styles)}, {}
        self.trainer = self._make_trainer(settings, run.vgg, strategy, initial, len(known) if new else 0)

    def step(self, number: int, photos: np.ndarray) -> np.ndarray:
        """Takes a step, in the next styles in turn."""
        return self.trainer.step(photos, self.trainer.style_weights(number))

    def paint(self, photo: np.ndarray) -> list[np.ndarray]:
        """The photo in all that are `shown`."""
        return [self.trainer.stylize(photo, number) for number in range(len(self.styles))]

    def write(self, path: Path, card: Mapping[str, Any]) -> None:
        """Writes the averaged weights."""
        width = self.trainer.settings.width
        write_stylizer(path, Stylizer(self.trainer.average, self.styles, width, card))

    def _make_trainer(
        self,
        settings: StylizerSettings,
        vgg: str,
        strategy: tf.distribute.Strategy,
        initial: Stylizer | None,
        first_trained: int,
    ) -> StylizerTrainer:
        keras.utils.set_random_seed(settings.seed)
        with strategy.scope():
            model = multi_style(len(self.styles), width=settings.width)
            if initial:
                _copy_weights(initial.model, model)
        losses = LossSettings(**settings.weights())
        loss = PerceptualLoss(load_vgg19(vgg), losses, list(self.shown.values()))
        return StylizerTrainer(model, loss, settings, strategy=strategy, first_trained_style=first_trained)


def _copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Into a network that may have more styles; new ones begin as the mean of the old ones."""
    for old, new in zip(source.weights, target.weights, strict=True):
        array = np.asarray(old)
        if new.name in ("gamma", "beta"):
            added = np.repeat(array.mean(axis=0, keepdims=True), new.shape[0] - len(array), axis=0)
            array = np.concatenate([array, added])
        new.assign(array)
