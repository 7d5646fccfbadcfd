"""Approves a model that the pipeline doesn't bless, or that was revoked: a person's word for the Evaluator's.

  nst pipeline approve 17 --pipeline_root=runs/classifier --who=Ada --why='checked the mistakes by hand'

The model is named as in `nst pipeline lineage`, also by its SavedModel or a pushed version. The next run of
its pipeline pushes it, unless the InfraValidator refuses it, and later ones compare with it. Who said it and
why stands in lineage and reports.
"""

from collections.abc import Sequence

from nst_keras.cli import common, field_flags
from pipelines.judging.persons import JudgementSettings, judge

FLAGS = field_flags.flags_of(JudgementSettings)


@common.command(__doc__, FLAGS, takes_arguments=True)
def main(arguments: Sequence[str]) -> int:
    """Entry point of `nst pipeline approve`."""
    judge(field_flags.parsed(JudgementSettings, FLAGS), arguments, approves=True)
    return 0


if __name__ == "__main__":
    main()
