"""Finds out whether, and why, a network learns wrongly: checks a classifier together with its data.

  nst-debug                                          small_cnn on the embedded digits, in seconds
  nst-debug --model=mlp --learning_rate=1            is this learning rate too high?
  nst-debug --model=mine.keras --dataset=pictures/   a model that you saved, on a folder of class folders
  nst-debug --plant=softmax_twice                    what a fault looks like in the report

Exit code 0: nothing is wrong; 1: something is, or the input can't be used.
The model's file is left as it is.
"""

import json

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.diagnosis.findings import Report
from nst_keras.diagnosis.settings import DebugSettings
from nst_keras.storage.files import check_writable, write_whole

FLAGS = field_flags.flags_of(DebugSettings)
flags.DEFINE_bool("tables", False, "Show numbers by layer also where all is well.", flag_values=FLAGS)
flags.DEFINE_string("json", "", "File for the report as JSON.", flag_values=FLAGS)


@common.command(__doc__, FLAGS)
def main() -> int:
    """Runs nst-debug."""
    settings = field_flags.parsed(DebugSettings, FLAGS)
    if FLAGS.json:
        check_writable(FLAGS.json)
    common.import_tensorflow_quietly()
    from nst_keras.diagnosis.job import debug

    report = debug(settings)
    print(report.text(tables=FLAGS.tables))
    print(f"\n{_summary(report)}")
    if FLAGS.json:
        document = {"settings": settings.to_dict()} | report.as_dict()
        write_whole(FLAGS.json, json.dumps(document, indent=2).encode() + b"\n")
    return int(report.verdict == "wrong")


def _summary(report: Report) -> str:
    faults = {verdict: ", ".join(report.faults(verdict)) for verdict in ("wrong", "suspect")}
    return "; ".join(f"{verdict}: {names}" for verdict, names in faults.items() if names) or "nothing wrong"


if __name__ == "__main__":
    main()
