"""Finds out whether, and why, a network learns wrongly: checks a classifier together with its data.

  nst-debug                                          small_cnn on the embedded digits, in seconds
  nst-debug --model=mlp --learning_rate=1            is this learning rate too high?
  nst-debug --model=mine.keras --dataset=pictures/   a model that you saved, on a folder of class folders
  nst-debug --plant=softmax_twice                    what a fault looks like in the report

Exit code 0: nothing is wrong; 1: something is, or the input can't be used.
The model's file is left as it is.
"""

import json
from dataclasses import dataclass

from nst_keras.cli import common, field_flags
from nst_keras.diagnosis.findings import Report
from nst_keras.diagnosis.settings import DebugSettings
from nst_keras.fields import Settings, setting
from nst_keras.storage.files import check_writable, write_whole


@dataclass(frozen=True)
class ReportSettings(Settings):
    """How the report is shown."""

    tables: bool = setting(False, "Show numbers by layer also where all is well.")
    json: str = setting("", "File for the report as JSON.")


FLAGS = field_flags.flags_of(DebugSettings, ReportSettings)


@common.command(__doc__, FLAGS, first=["model", "dataset", "learning_rate", "checks", "tables", "json"])
def main() -> int:
    """Runs nst-debug."""
    settings = field_flags.parsed(DebugSettings, FLAGS)
    shown = field_flags.parsed(ReportSettings, FLAGS)
    if shown.json:
        check_writable(shown.json)
    common.import_tensorflow_quietly()
    from nst_keras.diagnosis.job import debug

    report = debug(settings)
    print(report.text(tables=shown.tables))
    print(f"\n{_summary(report)}")
    if shown.json:
        document = {"settings": settings.to_dict()} | report.as_dict()
        write_whole(shown.json, json.dumps(document, indent=2).encode() + b"\n")
    return int(report.verdict == "wrong")


def _summary(report: Report) -> str:
    faults = {verdict: ", ".join(report.faults(verdict)) for verdict in ("wrong", "suspect")}
    return "; ".join(f"{verdict}: {names}" for verdict, names in faults.items() if names) or "nothing wrong"


if __name__ == "__main__":
    main()
