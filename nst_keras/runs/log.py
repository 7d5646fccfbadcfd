"""What a training leaves on the way: a CSV file and TensorBoard's events."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from nst_keras.runs.plan import LOG, TENSORBOARD
from nst_keras.storage.files import write_whole


class TrainingLog:
    """Writes log.csv, whose first column numbers the rows, and the same numbers for TensorBoard if asked to.

    Unless `timed`, "seconds" are left out of the file.
    """

    def __init__(self, folder: Path, tensorboard: bool, timed: bool) -> None:
        self._folder, self._timed = folder, timed
        self._writer = tf.summary.create_file_writer(str(folder / TENSORBOARD)) if tensorboard else None

    def write(self, history: Sequence[Mapping[str, float]]) -> None:
        """Takes all rows so far, so that a training that went on has them all in its file."""
        rows = history if self._timed else without_times(history)
        text = io.StringIO()
        table = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write_whole(self._folder / LOG, text.getvalue().encode())
        if self._writer:
            with self._writer.as_default(int(next(iter(rows[-1].values())))):
                for name, value in rows[-1].items():
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


def without_times(history: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
    """A history without what no two runs share."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]
