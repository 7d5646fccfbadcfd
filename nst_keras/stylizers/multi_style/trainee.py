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
from nst_keras.stylizers.training.pictures import TrainingPictures
from nst_keras.stylizers.training.plan import StylizerRun
from nst_keras.weights.vgg19 import load_vgg19


class MultiStyleTrainee:
    """A network with a row of scales and offsets for each style.

    Attributes:
        trainer: The network with its step.
        styles: The network's styles: those of `plan.init` first, then new ones.
        title: What is trained, in words.
        shown: The paintings that previews show, by name.
        record: What must be the same, besides settings and photos, for a checkpoint to be gone on from.
        card: What the model card tells of it.
    """

    def __init__(
        self,
        settings: StylizerSettings,
        plan: StylizerRun,
        pictures: TrainingPictures,
        strategy: tf.distribute.Strategy,
    ) -> None:
        """Reads weights and builds the network.

        Raises:
            InputError: If they can't be had, or don't fit together.
        """
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
        # Of a style that is only kept no painting is needed.
        blank = np.full([settings.style_size // 4, settings.style_size // 4, 3], 127.5, np.float32)
        self.shown: Mapping[str, np.ndarray] = {name: paintings.get(name, blank) for name in self.styles}
        self.title = ", ".join(self.styles)
        self.record: Mapping[str, Any] = {"styles": list(self.styles)}
        self.card: Mapping[str, Any] = {"architecture": "multi_style"}
        self.trainer = self._make_trainer(settings, plan, strategy, initial, len(known) if new else 0)

    def step(self, number: int, photos: np.ndarray) -> np.ndarray:
        """Takes step `number`, from 0; returns the terms of the loss."""
        return self.trainer.step(photos, self.trainer.style_weights(number))

    def paint(self, photo: np.ndarray) -> list[np.ndarray]:
        """A photo float32 [h, w, 3] in all that are `shown`."""
        return [self.trainer.stylize(photo, number) for number in range(len(self.styles))]

    def write(self, path: Path, card: Mapping[str, Any]) -> None:
        """Writes the stylizer."""
        width = self.trainer.settings.width
        write_stylizer(path, Stylizer(self.trainer.average, self.styles, width, card))

    def _make_trainer(
        self,
        settings: StylizerSettings,
        plan: StylizerRun,
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
        loss = PerceptualLoss(load_vgg19(plan.vgg), losses, list(self.shown.values()))
        return StylizerTrainer(model, loss, settings, strategy=strategy, first_trained_style=first_trained)


def _copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Into a network that may have more styles; new ones begin as the mean of the old ones."""
    for old, new in zip(source.weights, target.weights, strict=True):
        array = np.asarray(old)
        if new.name in ("gamma", "beta"):
            added = np.repeat(array.mean(axis=0, keepdims=True), new.shape[0] - len(array), axis=0)
            array = np.concatenate([array, added])
        new.assign(array)
