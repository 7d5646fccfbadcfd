"""Revokes a model: no run pushes it any more or compares with it, whatever the Evaluator says.

  nst pipeline revoke saved_models/classifier/3 --pipeline_root=runs/classifier --who=Ada --why='too slow'

The model is named as in `nst pipeline lineage`: by a pushed version, its number, digest or folder. What is
served stays served; how to go back is told. Who said it, when and why stands in lineage and reports;
`nst pipeline approve` takes it back.
"""

from collections.abc import Sequence

from nst_keras.cli import common, field_flags
from pipelines.judging.persons import JudgementSettings, judge

FLAGS = field_flags.flags_of(JudgementSettings)


@common.command(__doc__, FLAGS, takes_arguments=True)
def main(arguments: Sequence[str]) -> int:
    """Entry point of `nst pipeline revoke`."""
    judge(field_flags.parsed(JudgementSettings, FLAGS), arguments, approves=False)
    return 0


if __name__ == "__main__":
    main()
