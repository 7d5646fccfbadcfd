"""FineTuner: a pretrained network re-trained on examples, as nst-finetune does it."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from nst_keras.classifiers.fine_tuning.settings import DEFAULT_IMAGE_SIZE, FineTuningSettings
from nst_keras.fields import FROM_ONE, number
from pipelines.engine.stage import Context, Input, Output, Stage, Stopped
from pipelines.kinds import Examples, Model
from pipelines.training.folder import announce_checkpoint, plan_training, publish_training


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

    Returns:
        The report's metrics.

    Raises:
        InputError: If the examples can't be trained on, or the pretrained weights can't be had.
        Stopped: If the context says so.
    """
    import keras

    from nst_keras.classifiers.fine_tuning.job import FineTuning
    from nst_keras.runs.loop import Watcher
    from pipelines.examples.files import read_dataset

    keras.utils.clear_session()  # layers are named by a count, and equal models must be equal files
    folder = context.scratch / "training"
    announce_checkpoint(folder, context)
    plan = dataclasses.replace(plan_training(folder), image_size=config.image_size)
    job = FineTuning(config.narrowed(FineTuningSettings), plan, read_dataset(examples))
    for warning in job.checks.warnings:
        context.say(f"warning: {warning}")
    outcome = job.run(Watcher(lambda text: context.show(str(text)), context.show, context.should_stop))
    if outcome.report is None:
        raise Stopped(f"goes on from {outcome.kept}")
    return publish_training(folder, model)


FineTuner = Stage(fine_tune, "FineTuner")
