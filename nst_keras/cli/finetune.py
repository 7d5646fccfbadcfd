"""Re-trains a pretrained network on your own pictures, and says how good it became and why.

  nst-finetune --dataset=pictures/                        a folder with a folder of pictures for each class
  nst-finetune --dataset=pictures/ --epochs=0             only the head: minutes, and seconds the second time
  nst-finetune --dataset=pictures/ --folds=5              cross-validate, for sets too small to test on
  nst-finetune --dataset=pictures/ --base=MobileNetV2 --base_weights=mobilenet_v2_notop.h5 --unfreeze=Conv_1

The network's features of each picture are computed once and kept in the cache folder. Ctrl-C loses nothing:
the same command goes on. The folder then holds model.keras, report.html, report.json and, with
--saved_model, a SavedModel that takes encoded pictures and gives class names.
"""

from dataclasses import dataclass

from absl import flags

from nst_keras.classifiers.fine_tuning.settings import FineTuningSettings
from nst_keras.classifiers.plan import TrainingPlan
from nst_keras.classifiers.settings import may_be_mirrored
from nst_keras.cli import common, field_flags
from nst_keras.fields import Settings, with_default


@dataclass(frozen=True)
class _Dataset(Settings):
    """Must be given: the training takes long, and is seldom meant for the digits."""

    dataset: str | None = with_default(TrainingPlan, "dataset", None)


FLAGS = field_flags.flags_of(_Dataset, FineTuningSettings)
field_flags.define(TrainingPlan, FLAGS, without=["dataset", "distribute"])


@common.command(
    __doc__, FLAGS, first=["dataset", "base", "epochs", "unfreeze", "folds", "output_dir", "saved_model"]
)
def main() -> int:
    """Entry point of `nst-finetune`."""
    if field_flags.parsed(_Dataset, FLAGS).dataset is None:
        raise flags.Error("--dataset is missing: a folder with a folder of pictures for each class")
    plan = field_flags.parsed(TrainingPlan, FLAGS)
    mirrored = {} if may_be_mirrored(plan.dataset) else {"flip": False}
    settings = field_flags.parsed(FineTuningSettings, FLAGS, **mirrored)
    common.import_tensorflow_quietly()
    from nst_keras.classifiers.at_console import fine_tune_at_console

    return fine_tune_at_console(settings, plan)


if __name__ == "__main__":
    main()
