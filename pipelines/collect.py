"""Removes the artifacts of a pipeline root that nothing needs any more.

  nst pipeline collect --pipeline_root=runs/classifier --dry_run
  nst pipeline collect --pipeline_root=runs/classifier --keep_runs=1

Kept is everything that these were made from, and they themselves: models that still are where they were
pushed to, artifacts of each pipeline's last runs and of runs that go on, and the models that were blessed
last. Unfinished work of those runs stays, too. The store goes on knowing what was removed, so that lineage
still answers.
"""

from dataclasses import dataclass
from pathlib import Path

from nst_keras.cli import common, field_flags
from nst_keras.errors import InputError
from nst_keras.fields import number, setting
from nst_keras.served.store import SAVED_MODEL_FILE
from pipelines.engine.choices import RootSettings
from pipelines.engine.execution.garbage import collect
from pipelines.engine.store.artifact_files import folder_of
from pipelines.engine.store.store import opened
from pipelines.judging.verdicts import read_outcome
from pipelines.kinds import BLESSED, PushedModel


@dataclass(frozen=True)
class CollectSettings(RootSettings):
    """What is removed, and from where."""

    keep_runs: int = number(3, "How many of each pipeline's last runs to keep.")
    damaged: bool = setting(False, "Remove damaged artifacts, too.")
    dry_run: bool = setting(False, "Only say what would be removed.")


FLAGS = field_flags.flags_of(CollectSettings)


@common.command(__doc__, FLAGS)
def main() -> int:
    """Entry point of `nst pipeline collect`."""
    settings = field_flags.parsed(CollectSettings, FLAGS)
    verb, count, total = "would remove" if settings.dry_run else "removed", 0, 0
    with opened(Path(settings.pipeline_root), create=False) as store:
        removed = collect(
            store,
            lambda artifact: is_served(folder_of(store, artifact), artifact.kind),
            BLESSED,
            keep_runs=settings.keep_runs,
            damaged=settings.damaged,
            dry_run=settings.dry_run,
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
