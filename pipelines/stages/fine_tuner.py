"""FineTuner: a pretrained network re-trained on examples, as nst-finetune does it."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from nst_keras.classifiers.fine_tuning.settings import DEFAULT_IMAGE_SIZE, FineTuningSettings
from nst_keras.fields import FROM_ONE, number
from pipelines.engine.stage import Context, Input, Output, Stage
from pipelines.kinds import Examples, Model
from pipelines.training.folder import plan_training, publish_training, train_here, training_folder


@dataclass(frozen=True)
class FineTunerConfig(FineTuningSettings):
    """How to re-train: the settings of nst-finetune, and the size at which the base sees the pictures."""

    image_size: int = number(DEFAULT_IMAGE_SIZE, "Height and width that the base sees, in pixels.", FROM_ONE)


def fine_tune(
    config: FineTunerConfig, context: Context, *, examples: Input[Examples], model: Output[Model]
) -> dict[str, Any]:
    """Re-trains a pretrained network; a run that was stopped or killed goes on where it was.

    The base's features of each picture are computed once and kept in the cache folder, whatever pipeline asks
    for them. The model's folder holds model.keras and the report with its pictures.
    """
    from nst_keras.classifiers.fine_tuning.job import FineTuning

    folder = training_folder(context)
    plan = dataclasses.replace(plan_training(folder), image_size=config.image_size)
    settings = config.narrowed(FineTuningSettings)
    train_here(lambda dataset: FineTuning(settings, plan, dataset), examples, context)
    return publish_training(folder, model)


FineTuner = Stage(fine_tune, "FineTuner")
