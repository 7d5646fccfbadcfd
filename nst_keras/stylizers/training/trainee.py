"""What is trained, whatever its architecture: its pictures, and what a training asks of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.errors import InputError
from nst_keras.stylizers.training.settings import StylizerRun
from nst_keras.stylizers.training.trainer import AveragedTrainer


@dataclass(frozen=True)
class TrainingPictures:
    """All pictures of a training.

    Attributes:
        paintings: [h, w, 3] on 0..255, by the names of their styles.
        photos: To train on, uint8 [h, w, 3] each.
        previews: Photos that are painted as training goes, float32 [h, w, 3] on 0..255; may be none.
        preview_paintings: Those that they are painted in, where a stylizer takes any painting, likewise.
    """

    paintings: Mapping[str, np.ndarray]
    photos: Sequence[np.ndarray]
    previews: Sequence[np.ndarray] = ()
    preview_paintings: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Trainee:
    """A network in training.

    Attributes:
        trainer: The network with its step.
        title: What is trained, in words.
        shown: The paintings that previews show, by name.
        styles_of: The styles of a step, numbered from 0, as the trainer takes them.
        paint: A photo float32 [h, w, 3] in all that are `shown`, by the averaged weights.
        write: Writes the stylizer to a file, with a model card.
        record: What must be the same, besides settings and photos, for a checkpoint to be gone on from.
        card: What the model card tells of it.
        styles: Names of the network's styles; none if it takes any painting.
    """

    trainer: AveragedTrainer
    title: str
    shown: Mapping[str, np.ndarray]
    styles_of: Callable[[int], np.ndarray]
    paint: Callable[[np.ndarray], list[np.ndarray]]
    write: Callable[[Path, Mapping[str, Any]], None]
    record: Mapping[str, Any]
    card: Mapping[str, Any] = field(default_factory=dict)
    styles: tuple[str, ...] = ()


def read_initial(read: Callable[[str], Any], run: StylizerRun, width: float) -> Any:
    """The stylizer to begin with, if there is one, which must have the width of the network."""
    initial = read(run.init) if run.init else None
    if initial and initial.width != width:
        raise InputError(f"width must be that of {run.init}. Received: width={width}")
    return initial
