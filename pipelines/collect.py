"""Removes the artifacts of a pipeline root that nothing needs any more.

  python -m pipelines.collect --pipeline_root=runs/classifier --dry_run
  python -m pipelines.collect --pipeline_root=runs/classifier --keep_runs=1

Kept is everything that these were made from, and they themselves: models that still are where they were
pushed to, artifacts of each pipeline's last runs and of runs that go on, and the models that were blessed
last. Unfinished work of those runs stays, too. The store goes on knowing what was removed, so that lineage
still answers.
"""

from pathlib import Path

from absl import flags

from nst_keras.cli import common
from nst_keras.errors import InputError
from nst_keras.served.store import SAVED_MODEL_FILE
from pipelines.engine.execution.garbage import collect
from pipelines.engine.store.artifact_files import folder_of
from pipelines.engine.store.store import opened
from pipelines.judging.verdicts import read_outcome
from pipelines.kinds import BLESSED, PushedModel

FLAGS = flags.FlagValues()
ROOT = flags.DEFINE_string("pipeline_root", None, "Folder of artifacts and metadata.", flag_values=FLAGS)
KEEP_RUNS = flags.DEFINE_integer(
    "keep_runs", 3, "How many of each pipeline's last runs to keep.", lower_bound=0, flag_values=FLAGS
)
DAMAGED = flags.DEFINE_bool("damaged", False, "Remove damaged artifacts, too.", flag_values=FLAGS)
DRY_RUN = flags.DEFINE_bool("dry_run", False, "Only say what would be removed.", flag_values=FLAGS)
flags.mark_flag_as_required("pipeline_root", FLAGS)


@common.command(__doc__, FLAGS)
def main() -> int:
    """Entry point of `python -m pipelines.collect`."""
    verb, count, total = "would remove" if DRY_RUN.value else "removed", 0, 0
    with opened(Path(ROOT.value or ""), create=False) as store:
        removed = collect(
            store,
            lambda artifact: is_served(folder_of(store, artifact), artifact.kind),
            BLESSED,
            keep_runs=KEEP_RUNS.value,
            damaged=DAMAGED.value,
            dry_run=DRY_RUN.value,
        )
        for item in removed:
            print(f"{verb} {item.what}: {item.num_bytes:,} bytes")
            count, total = count + 1, total + item.num_bytes
    print(f"{verb} {count} folders, {total:,} bytes", flush=True)
    return 0


def is_served(folder: Path, kind: str) -> bool:
    """Whether an artifact tells of a pushed model that still is there, as far as is known."""
    if kind != PushedModel.__name__:
        return False
    try:
        outcome = read_outcome(PushedModel(folder))
    except InputError:  # lost or damaged; where the model went to can't be told, so it stays
        return True
    return bool(outcome.version) and (Path(outcome.path) / SAVED_MODEL_FILE).is_file()


if __name__ == "__main__":
    main()
