"""What every training leaves in its folder; importing this loads no TensorFlow."""

import shutil
from collections.abc import Iterable
from pathlib import Path

CHECKPOINT = "checkpoint.npz"
LOG = "log.csv"
TENSORBOARD = "tensorboard"


def clear(folder: Path, names: Iterable[str]) -> None:
    """Removes what an earlier training left, besides this the files and folders of these names."""
    for path in (folder / name for name in (CHECKPOINT, LOG, TENSORBOARD, *names)):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
