"""Finds out whether, and why, a network learns wrongly: checks a classifier together with its data.

  nst-debug                                          small_cnn on the embedded digits, in seconds
  nst-debug --model=mlp --learning_rate=1            is this learning rate too high?
  nst-debug --model=mine.keras --dataset=pictures/   a model that you saved, on a folder of class folders
  nst-debug --plant=softmax_twice                    what a fault looks like in the report

Exit code 0: nothing is wrong; 1: something is, or the input can't be used.
The model's file is left as it is.
"""

import functools
import json
from collections.abc import Sequence
from typing import Any

from absl import flags

from nst_keras.classifiers.registry import GRADIENT_CLASSIFIERS
from nst_keras.cli import common
from nst_keras.diagnosis.findings import (
    BATCH_SIZE,
    CHECKS,
    FAULTS,
    LEARNING_RATE,
    LEAST_PICTURES,
    NUM_PICTURES,
    Report,
)
from nst_keras.errors import InputError, require_choice
from nst_keras.storage.files import check_writable, write_whole

FLAGS = flags.FlagValues()
_text = functools.partial(flags.DEFINE_string, flag_values=FLAGS)
_whole = functools.partial(flags.DEFINE_integer, flag_values=FLAGS)
_text("model", "small_cnn", f"{', '.join(GRADIENT_CLASSIFIERS)}, or a .keras file.")
_text("dataset", "digits", "digits, a tensorflow-datasets name, or a folder of class folders.")
_text("data_dir", "", "Where tensorflow-datasets keeps its sets; empty is its own default.")
_text("manual_dir", "", "Files of a set that were downloaded by hand.")
_whole("image_size", 0, "Make pictures this high and wide; 0: as model or set have them.", lower_bound=0)
_whole("num_pictures", NUM_PICTURES, "Pictures that the data is judged by.", lower_bound=LEAST_PICTURES)
_whole("batch_size", BATCH_SIZE, "Of these, those that the network is tried on.", lower_bound=LEAST_PICTURES)
flags.DEFINE_enum(
    "outputs",
    "auto",
    ["auto", "logits", "probabilities"],
    "What the loss takes the model's outputs for; auto: what they look like.",
    flag_values=FLAGS,
)
_text("optimizer", "adam", "A Keras optimiser, such as adam or sgd.")
flags.DEFINE_float("learning_rate", LEARNING_RATE, "To be judged.", lower_bound=1e-12, flag_values=FLAGS)
flags.DEFINE_list("checks", list(CHECKS), "Which checks to make, by commas.", flag_values=FLAGS)
_text("plant", "", f"Put in a fault first. {' '.join(f'{name}: {text}.' for name, text in FAULTS.items())}")
_whole("seed", 0, "Of weights and of the choice of pictures.", lower_bound=0)
_SETTINGS = tuple(FLAGS)
flags.DEFINE_bool("tables", False, "Show numbers by layer also where all is well.", flag_values=FLAGS)
_text("json", "", "File for the report as JSON.")


def _main(arguments: Sequence[str]) -> int:
    _check_flags(arguments)
    common.import_tensorflow_quietly()
    from nst_keras.diagnosis.job import debug

    settings: dict[str, Any] = {name: FLAGS[name].value for name in _SETTINGS}
    report = debug(**settings)
    print(report.text(tables=FLAGS.tables))
    print(_summary(report))
    if FLAGS.json:
        document = {"settings": settings} | report.as_dict()
        write_whole(FLAGS.json, json.dumps(document, indent=2).encode() + b"\n")
    return int(report.verdict == "wrong")


def _check_flags(arguments: Sequence[str]) -> None:
    if arguments:
        raise flags.Error(f"unexpected argument {arguments[0]!r}; everything is given by flags")
    try:
        for check in FLAGS.checks:
            require_choice("checks", check, CHECKS)
        if FLAGS.plant:
            require_choice("plant", FLAGS.plant, FAULTS)
    except InputError as error:
        raise flags.IllegalFlagValueError(f"--{error}") from error
    if FLAGS.json:
        check_writable(FLAGS.json)


def _summary(report: Report) -> str:
    wrong, suspect = report.faults(), report.faults("suspect")
    parts = [
        f"{verdict}: {', '.join(names)}"
        for verdict, names in (("wrong", wrong), ("suspect", suspect))
        if names
    ]
    return "\n" + ("; ".join(parts) or "nothing wrong")


def main() -> None:
    """Runs nst-debug."""
    common.run(_main, __name__, __doc__, FLAGS)


if __name__ == "__main__":
    main()
