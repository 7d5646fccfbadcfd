"""What every training is given besides settings, and leaves in its folder; loads no TensorFlow."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nst_keras.fields import FROM_ONE, Settings, number, setting

CHECKPOINT, LOG, TENSORBOARD = "checkpoint.npz", "log.csv", "tensorboard"
DISTRIBUTIONS = ("none", "mirrored", "multi_worker")


@dataclass(frozen=True)
class RunPlan(Settings):
    """Where a training writes to, and what it leaves."""

    output_dir: str = setting("", "Folder for all that the training leaves.")
    restart: bool = setting(False, "Replace the training that the folder holds, instead of going on with it.")
    tensorboard: bool = setting(True, "Write TensorBoard's events, in tensorboard/.")
    checkpoint_seconds: int = number(60, "Time between checkpoints.", FROM_ONE)


def clear(folder: Path, names: Iterable[str]) -> None:
    """Removes what an earlier training left, besides this the files and folders of these names."""
    for path in (folder / name for name in (CHECKPOINT, LOG, TENSORBOARD, *names)):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
