"""Where a trainer works, and what of that becomes a model; importing this loads no TensorFlow."""

import json
import shutil
from pathlib import Path
from typing import Any

from nst_keras.classifiers.plan import MODEL, REPORT, REPORT_FILES, TrainingPlan
from nst_keras.runs.folder import CHECKPOINT, LOG
from pipelines.engine.stage import Context
from pipelines.kinds import Model

SCHEMA_FILE = "schema.pbtxt"


def plan_training(folder: Path) -> TrainingPlan:
    """A training into a folder, whose files tell nothing that differs from run to run."""
    return TrainingPlan(output_dir=str(folder), tensorboard=False, timed=False)


def announce_checkpoint(folder: Path, context: Context) -> None:
    """Tells the user if a training goes on that was stopped or killed."""
    if (folder / CHECKPOINT).exists():
        context.say("going on from the last checkpoint")


def publish_training(folder: Path, model: Model) -> dict[str, Any]:
    """Copies what belongs to the model out of a finished training's folder.

    Returns:
        The training's metrics.
    """
    for name in (MODEL, LOG, *REPORT_FILES):
        if (folder / name).exists():
            shutil.copyfile(folder / name, model.path / name)
    return json.loads((folder / REPORT).read_text())["metrics"]
