"""What is trained when a stylizer of any painting is: the decoder, with a painting for each photo."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.stylizers.arbitrary.file import (
    ArbitraryStylizer,
    read_arbitrary_stylizer,
    write_arbitrary_stylizer,
)
from nst_keras.stylizers.arbitrary.settings import ArbitraryStyleSettings
from nst_keras.stylizers.arbitrary.trainer import ArbitraryStyleTrainer
from nst_keras.stylizers.training.photo_batches import PhotoBatches
from nst_keras.stylizers.training.pictures import TrainingPictures
from nst_keras.stylizers.training.plan import StylizerRun
from nst_keras.weights.vgg19 import load_vgg19


class ArbitraryStyleTrainee:
    """A decoder; its attributes and methods are those of `MultiStyleTrainee`, without names of styles."""

    styles: tuple[str, ...] = ()

    def __init__(
        self,
        settings: ArbitraryStyleSettings,
        plan: StylizerRun,
        pictures: TrainingPictures,
        strategy: tf.distribute.Strategy,
    ) -> None:
        """Reads weights and builds the network.

        Raises:
            InputError: If they can't be had, or don't fit together.
        """
        initial = read_arbitrary_stylizer(plan.init) if plan.init else None
        if initial and initial.width != settings.width:
            raise InputError(f"width must be that of {plan.init}. Received: width={settings.width}")
        paintings = list(pictures.paintings.values())
        weights = load_vgg19(plan.vgg)
        self._encoder_digest = weights.digest
        self.title = f"any style, of {len(paintings)} paintings"
        self.shown = pictures.preview_paintings
        self.record: Mapping[str, Any] = {"paintings": len(paintings), "encoder": weights.digest}
        self.card: Mapping[str, Any] = {
            "architecture": "arbitrary",
            "paintings": len(paintings),
            "encoder": {"source": weights.source, "digest": weights.digest, "licence": weights.licence},
        }
        self._paintings = PhotoBatches(
            paintings,
            settings.batch_size,
            settings.crop_size,
            settings.largest_scale,
            settings.flip,
            settings.seed + 1,  # other crops than the photos'
        )
        self.trainer = ArbitraryStyleTrainer(
            weights, settings, strategy=strategy, initial=initial.decoder if initial else None
        )

    def step(self, number: int, photos: np.ndarray) -> np.ndarray:
        """Takes step `number`, from 0; returns the terms of the loss."""
        return self.trainer.step(photos, self._paintings.batch(number))

    def paint(self, photo: np.ndarray) -> list[np.ndarray]:
        """A photo float32 [h, w, 3] in all that are `shown`."""
        return [self.trainer.stylize(photo, [painting]) for painting in self.shown.values()]

    def write(self, path: Path, card: Mapping[str, Any]) -> None:
        """Writes the stylizer."""
        settings = self.trainer.settings
        write_arbitrary_stylizer(
            path,
            ArbitraryStylizer(
                self.trainer.average, settings.width, settings.style_size, self._encoder_digest, card
            ),
        )
