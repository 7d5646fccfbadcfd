"""What is trained when a stylizer of any painting is: the decoder, with a painting for each photo."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nst_keras.stylizers.arbitrary.file import (
    ArbitraryStylizer,
    read_arbitrary_stylizer,
    write_arbitrary_stylizer,
)
from nst_keras.stylizers.arbitrary.settings import ArbitraryStyleSettings
from nst_keras.stylizers.arbitrary.trainer import ArbitraryStyleTrainer
from nst_keras.stylizers.training.photo_batches import PhotoBatches
from nst_keras.stylizers.training.settings import StylizerRun
from nst_keras.stylizers.training.trainee import Trainee, TrainingPictures, read_initial
from nst_keras.weights.vgg19 import load_vgg19


class ArbitraryStyleTrainee(Trainee):
    """A decoder, which sees each photo with a painting."""

    trainer: ArbitraryStyleTrainer

    def __init__(
        self,
        settings: ArbitraryStyleSettings,
        run: StylizerRun,
        pictures: TrainingPictures,
        strategy: tf.distribute.Strategy,
    ) -> None:
        """Reads weights and builds the network."""
        initial: ArbitraryStylizer | None = read_initial(read_arbitrary_stylizer, run, settings.width)
        paintings = list(pictures.paintings.values())
        weights = load_vgg19(run.vgg)
        self._encoder_digest = weights.digest
        self.title = f"any style, of {len(paintings)} paintings"
        self.shown = pictures.preview_paintings
        self.record = {"paintings": len(paintings), "encoder": weights.digest}
        self.card = {
            "paintings": len(paintings),
            "encoder": {"source": weights.source, "digest": weights.digest, "licence": weights.licence},
        }
        self._paintings = PhotoBatches.of(paintings, settings, seed=1)
        self.trainer = ArbitraryStyleTrainer(
            weights, settings, strategy=strategy, initial=initial.decoder if initial else None
        )

    def step(self, number: int, photos: np.ndarray) -> np.ndarray:
        """Takes a step, in the next paintings."""
        return self.trainer.step(photos, self._paintings.batch(number))

    def paint(self, photo: np.ndarray) -> list[np.ndarray]:
        """The photo in all that are `shown`."""
        return [self.trainer.stylize(photo, [painting]) for painting in self.shown.values()]

    def write(self, path: Path, card: Mapping[str, Any]) -> None:
        """Writes the averaged weights."""
        settings = self.trainer.settings
        write_arbitrary_stylizer(
            path,
            ArbitraryStylizer(
                self.trainer.average, settings.width, settings.style_size, self._encoder_digest, card
            ),
        )
