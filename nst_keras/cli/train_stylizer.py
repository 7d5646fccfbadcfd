"""Trains a feed-forward stylizer: one small network that paints a photo in a fraction of a second.

  nst-train-stylizer --styles=paintings/ --photos=photos/
  nst-train-stylizer --styles=wave.jpg,night.jpg --photos=coco/2017 --num_steps=40000
  nst-train-stylizer --styles=new.jpg --init=runs/stylizer/stylizer.npz --output_dir=runs/more

Ctrl-C leaves a checkpoint; the same command goes on from there. The folder then holds stylizer.npz,
which `nst-stylize --fast` takes, previews/, log.csv and TensorBoard's events.
"""

from collections.abc import Sequence

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.errors import InputError
from nst_keras.jobs.stylizer_plan import DISTRIBUTIONS, StylizerPlan
from nst_keras.training.stylizer_settings import StylizerSettings

FLAGS = flags.FlagValues()
field_flags.define(StylizerSettings, FLAGS)
field_flags.define(StylizerPlan, FLAGS)


def main() -> None:
    """Entry point of `nst-train-stylizer`."""
    common.run(_main, __name__, __doc__, FLAGS)


def _main(arguments: Sequence[str]) -> int:
    if arguments:
        raise flags.Error(f"unexpected argument {arguments[0]!r}; everything is given by flags")
    try:
        plan = StylizerPlan(**field_flags.given(StylizerPlan, FLAGS))
        settings = StylizerSettings(**field_flags.given(StylizerSettings, FLAGS))
    except InputError as error:
        raise flags.IllegalFlagValueError(f"--{error}") from error
    common.import_tensorflow_quietly(start=plan.distribute == DISTRIBUTIONS[0])
    from nst_keras.jobs.stylizer_console import train_stylizer_at_console

    return train_stylizer_at_console(settings, plan)


if __name__ == "__main__":
    main()
