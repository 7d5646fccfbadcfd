"""Trains a feed-forward stylizer: one small network that paints a photo in a fraction of a second.

  nst-train-stylizer --styles=paintings/ --photos=photos/
  nst-train-stylizer --styles=wave.jpg,night.jpg --photos=coco/2017 --num_steps=40000
  nst-train-stylizer --styles=new.jpg --init=runs/stylizer/stylizer.npz --output_dir=runs/more

With --architecture it learns another kind of network, such as one that takes any painting.

Ctrl-C leaves a checkpoint; the same command goes on from there. The folder then holds stylizer.npz,
which `nst-stylize --fast` takes, previews/, log.csv and TensorBoard's events.
"""

from nst_keras.cli import common, field_flags
from nst_keras.stylizers.training.plan import SettingsOfAny, StylizerPlan, settings_for

FLAGS = field_flags.flags_of(SettingsOfAny, StylizerPlan)


@common.command(__doc__, FLAGS, first=["styles", "photos", "architecture", "num_steps", "init", "output_dir"])
def main() -> int:
    """Entry point of `nst-train-stylizer`."""
    plan = field_flags.parsed(StylizerPlan, FLAGS)
    with field_flags.naming_flags():
        settings = settings_for(plan.architecture, field_flags.given(SettingsOfAny, FLAGS))
    common.import_tensorflow_quietly(start=plan.distribute == StylizerPlan.distribute)
    from nst_keras.stylizers.training.at_console import train_stylizer_at_console

    return train_stylizer_at_console(settings, plan)


if __name__ == "__main__":
    main()
