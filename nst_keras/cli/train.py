"""Trains a classifier and writes a report about it.

  nst-train                                          small_cnn on the embedded digits, in seconds
  nst-train --model=advanced_cnn --dataset=fashion_mnist
  nst-train --dataset=pictures/ --image_size=64      a folder with a folder of pictures for each class
  nst-train --model=perceptron --epochs=20 --learning_rate=0.1

Ctrl-C leaves a checkpoint; the same command goes on from there. The folder then holds model.keras,
report.html, report.json, log.csv and TensorBoard's events.
Without a flag, settings are those of the model's recipe; [in brackets] is the default of all that a
recipe doesn't name.
"""

from nst_keras.classifiers.plan import TrainingPlan
from nst_keras.classifiers.settings import ClassificationSettings, recipe
from nst_keras.cli import common, field_flags

FLAGS = field_flags.flags_of(ClassificationSettings, TrainingPlan)


@common.command(
    __doc__,
    FLAGS,
    first=["model", "dataset", "image_size", "epochs", "learning_rate", "batch_size", "output_dir"],
)
def main() -> int:
    """Entry point of `nst-train`."""
    plan = field_flags.parsed(TrainingPlan, FLAGS)
    with field_flags.naming_flags():
        changes = {"model": ClassificationSettings.model, **field_flags.given(ClassificationSettings, FLAGS)}
        settings = recipe(dataset=plan.dataset, **changes)
    common.import_tensorflow_quietly(start=plan.distribute == TrainingPlan.distribute)
    from nst_keras.classifiers.at_console import train_at_console

    return train_at_console(settings, plan)


if __name__ == "__main__":
    main()
