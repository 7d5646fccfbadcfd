"""Where a classifier's trainer works, and what of that becomes a model."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nst_keras.classifiers.plan import MODEL, REPORT, REPORT_FILES, TrainingPlan
from nst_keras.runs.plan import CHECKPOINT, LOG
from pipelines.engine.stage import Context, Stopped
from pipelines.examples.files import naming_damage, read_dataset
from pipelines.kinds import Examples, Model

if TYPE_CHECKING:
    from nst_keras.classifiers.fine_tuning.job import FineTuning
    from nst_keras.classifiers.job import Training
    from nst_keras.data.image_dataset import ImageDataset

SCHEMA_FILE = "schema.pbtxt"


def training_folder(context: Context) -> Path:
    """The folder of a training, which may have been stopped or killed: then it is said that it goes on."""
    folder = context.scratch / "training"
    if (folder / CHECKPOINT).exists():
        context.say("going on from the last checkpoint")
    return folder


def plan_training(folder: Path) -> TrainingPlan:
    """A training into a folder, whose files tell nothing that differs from run to run."""
    return TrainingPlan(output_dir=str(folder), tensorboard=False, timed=False)


def train_here(
    build: "Callable[[ImageDataset], Training | FineTuning]", examples: Examples, context: Context
) -> None:
    """Builds a job for the pictures, and runs it until it is done or the context says stop."""
    import keras

    from nst_keras.runs.loop import Watcher

    # Layers are named by a count that goes on from model to model, and equal models must be equal files.
    keras.utils.clear_session()
    with naming_damage(examples):
        job = build(read_dataset(examples))
    for warning in job.checks.warnings:
        context.say(f"warning: {warning}")
    outcome = job.run(Watcher(context.show, context.show, context.should_stop))
    if outcome.report is None:
        raise Stopped(f"goes on from {outcome.kept}")


def publish_training(folder: Path, model: Model) -> dict[str, Any]:
    """Copies what belongs to the model out of a finished training's folder; returns the report's metrics."""
    for name in (MODEL, LOG, *REPORT_FILES):
        if (folder / name).exists():
            shutil.copyfile(folder / name, model.path / name)
    return json.loads((folder / REPORT).read_text())["metrics"]
