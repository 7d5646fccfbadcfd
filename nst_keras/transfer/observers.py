"""What may watch a run: a trace, TensorBoard, pictures on the way."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from nst_keras.transfer.progress import OptimizationProgress

Observer = Callable[[OptimizationProgress], None]


class TraceWriter:
    """Writes one JSON object a step to a file: step, size, seconds per step, every loss term.

    Of an earlier run it keeps the steps that needn't be taken again.
    """

    def __init__(self, path: Path, steps_done: int) -> None:
        kept = _lines_until(path, steps_done)
        self._file = path.open("w", encoding="utf-8", buffering=1)
        self._file.writelines(line + "\n" for line in kept)

    def __call__(self, progress: OptimizationProgress) -> None:
        """Writes a line."""
        height, width = progress.state.image.shape[:2]
        line = {
            "step": progress.step,
            "scale": progress.scale,
            "width": width,
            "height": height,
            "seconds_per_step": progress.seconds_per_step,
            "losses": progress.state.losses,
        }
        self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class TensorBoardWriter:
    """Writes every loss term at each step, and the picture now and then."""

    def __init__(self, folder: str, *, picture_every: int) -> None:
        self._writer = tf.summary.create_file_writer(folder)
        self._picture_every = picture_every

    def __call__(self, progress: OptimizationProgress) -> None:
        """Writes scalars under `loss/`, and `generated_image`."""
        with self._writer.as_default(progress.step):
            for name, value in progress.state.losses.items():
                tf.summary.scalar(f"loss/{name}", value)
            if progress.step % self._picture_every == 0 or progress.step == progress.num_steps:
                pixels = np.clip(progress.state.image, 0, 255).astype(np.uint8)
                tf.summary.image("generated_image", pixels[np.newaxis])

    def close(self) -> None:
        """Closes the event file."""
        self._writer.close()


def _lines_until(path: Path, step: int) -> list[str]:
    """Lines of a trace up to a step; a line that a killed run left unfinished is dropped."""
    if step == 0 or not path.exists():
        return []
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except (ValueError, KeyError, TypeError):
            break
    return kept
