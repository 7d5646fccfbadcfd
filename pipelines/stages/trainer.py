"""Trainer: any classifier of nst-train, from examples to a model with its report."""

import shutil
from dataclasses import dataclass
from typing import Any

from nst_keras.classifiers.settings import ClassificationSettings, recipe
from nst_keras.fields import FROM_ONE, number
from pipelines.engine.stage import Context, Input, Output, Stage
from pipelines.kinds import Examples, Model, Schema
from pipelines.training.folder import (
    SCHEMA_FILE,
    plan_training,
    publish_training,
    train_here,
    training_folder,
)
from pipelines.training.workers import WorkerTask, train_with_workers


@dataclass(frozen=True)
class TrainerConfig(ClassificationSettings):
    """How to train: the settings of nst-train, and over how many processes.

    `TrainerConfig.of` gives what suits a model. Changing `model` alone afterwards keeps the settings of the
    first one's recipe.
    """

    workers: int = number(1, "Processes on this machine that share each step.", FROM_ONE)

    @classmethod
    def of(cls, model: str, dataset: str = "", *, workers: int = 1, **changes: Any) -> "TrainerConfig":
        """The recipe of a model, as `nst_keras.classifiers.settings.recipe`, with changes."""
        return cls(workers=workers, **recipe(model, dataset, **changes).to_dict())


def train(
    config: TrainerConfig,
    context: Context,
    *,
    examples: Input[Examples],
    schema: Input[Schema] | None,
    model: Output[Model],
) -> dict[str, Any]:
    """Trains a classifier; a run that was stopped or killed goes on from its last checkpoint.

    The model's folder holds model.keras, the report with its pictures, log.csv, and the schema, if there is
    one, of the examples that the model takes.
    """
    folder = training_folder(context)
    settings = config.narrowed(ClassificationSettings)
    if config.workers > 1:
        task = WorkerTask(str(examples.path), str(folder), settings.to_dict())
        train_with_workers(task, config.workers, context)
    else:
        from nst_keras.classifiers.job import Training

        train_here(lambda data: Training(settings, plan_training(folder), dataset=data), examples, context)
    if schema is not None:
        shutil.copyfile(schema.path / SCHEMA_FILE, model.path / SCHEMA_FILE)
    return publish_training(folder, model)


Trainer = Stage(train, "Trainer")
