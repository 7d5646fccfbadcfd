"""Trains a feed-forward stylizer: one small network that paints a photo in a fraction of a second.

  nst-train-stylizer --styles=paintings/ --photos=photos/
  nst-train-stylizer --styles=wave.jpg,night.jpg --photos=coco/2017 --num_steps=40000
  nst-train-stylizer --styles=new.jpg --init=runs/stylizer/stylizer.npz --output_dir=runs/more
  nst-train-stylizer --architecture=arbitrary --styles=many_paintings/ --photos=photos/

Ctrl-C leaves a checkpoint; the same command goes on from there. The folder then holds stylizer.npz,
which `nst-stylize --fast` takes, previews/, log.csv and TensorBoard's events.
"""

import dataclasses
from collections.abc import Sequence

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.errors import InputError
from nst_keras.stylizers.arbitrary.settings import ArbitraryStyleSettings
from nst_keras.stylizers.archive import ARBITRARY, MULTI_STYLE
from nst_keras.stylizers.multi_style.settings import StylizerSettings
from nst_keras.stylizers.training.plan import DISTRIBUTIONS, StylizerPlan

_SETTINGS = {MULTI_STYLE: StylizerSettings, ARBITRARY: ArbitraryStyleSettings}
_FIELDS = {
    architecture: {field.name: field for field in dataclasses.fields(settings)}
    for architecture, settings in _SETTINGS.items()
}

FLAGS = flags.FlagValues()
field_flags.define(StylizerSettings, FLAGS)
field_flags.define(ArbitraryStyleSettings, FLAGS, without=list(_FIELDS[MULTI_STYLE]))
field_flags.define(StylizerPlan, FLAGS)
for _name, _field in _FIELDS[ARBITRARY].items():
    if _name not in _FIELDS[MULTI_STYLE]:
        FLAGS[_name].help = f"{ARBITRARY}: {FLAGS[_name].help}"
    elif _field.default != _FIELDS[MULTI_STYLE][_name].default:
        FLAGS[_name].help += f" [{ARBITRARY}: {_field.default}]"


def main() -> None:
    """Entry point of `nst-train-stylizer`."""
    common.run(_main, __name__, __doc__, FLAGS)


def _main(arguments: Sequence[str]) -> int:
    if arguments:
        raise flags.Error(f"unexpected argument {arguments[0]!r}; everything is given by flags")
    plan = field_flags.parsed(StylizerPlan, FLAGS)
    kind = _SETTINGS[plan.architecture]
    with field_flags.naming_flags():
        _require_no_others(plan.architecture)
        settings = kind(**field_flags.given(kind, FLAGS))
    common.import_tensorflow_quietly(start=plan.distribute == DISTRIBUTIONS[0])
    from nst_keras.stylizers.training.at_console import train_stylizer_at_console

    return train_stylizer_at_console(settings, plan)


def _require_no_others(architecture: str) -> None:
    """Checks that no flag of the other architecture was given."""
    for other, fields in _FIELDS.items():
        for name in fields.keys() - _FIELDS[architecture].keys():
            if FLAGS[name].present:
                raise InputError(f"{name} is for architecture={other} only")


if __name__ == "__main__":
    main()
