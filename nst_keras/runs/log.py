"""What a training leaves on the way: a CSV file and TensorBoard's events."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from nst_keras.classifiers.plan import LOG, TENSORBOARD
from nst_keras.storage.files import write_whole


class TrainingLog:
    """Writes log.csv, a row an epoch (or what else is counted), and the same numbers for TensorBoard."""

    def __init__(self, folder: Path, tensorboard: bool, count: str = "epoch") -> None:
        """Opens an event file in the folder's tensorboard/ if asked to; `count` names the rows' number."""
        self._folder, self._count = folder, count
        self._writer = tf.summary.create_file_writer(str(folder / TENSORBOARD)) if tensorboard else None

    def write(self, history: Sequence[Mapping[str, float]]) -> None:
        """Takes all epochs so far, so that a training that went on has them all in its file."""
        text = io.StringIO()
        table = csv.DictWriter(text, fieldnames=list(history[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(history)
        write_whole(self._folder / LOG, text.getvalue().encode())
        if self._writer:
            with self._writer.as_default(int(history[-1][self._count])):
                for name, value in history[-1].items():
                    tf.summary.scalar(name, value)
            self._writer.flush()

    def show(self, name: str, image: np.ndarray, step: int) -> None:
        """Gives TensorBoard a picture, uint8 [h, w, 3]."""
        if self._writer:
            with self._writer.as_default(step):
                tf.summary.image(name, image[np.newaxis])
            self._writer.flush()

    def close(self) -> None:
        """Closes the event file."""
        if self._writer:
            self._writer.close()
