"""Shows what an artifact was made from, and what was made of it.

  nst pipeline lineage 17 --pipeline_root=runs/classifier
  nst pipeline lineage saved_models/classifier/3 --pipeline_root=runs/classifier --up
  nst pipeline lineage 3fa2b4c1 --pipeline_root=runs/classifier --output=lineage.html

The artifact is given by its number, by the first six or more digits of its digest, by its folder, by the
folder of a served version, or by the path of data from outside. With --output it is drawn as well, as a page
that opens from disk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.fields import setting
from nst_keras.storage.files import check_writable, write_whole
from pipelines.engine.choices import RootSettings
from pipelines.engine.store.ancestry import find_ancestors, find_descendants, find_executions, read_lineage
from pipelines.engine.store.artifact_files import folder_of
from pipelines.engine.store.rows import StoredArtifact
from pipelines.engine.store.store import Store, opened
from pipelines.judging.lookup import find_artifact
from pipelines.reports.lineage_page import Answer, describe, draw_page


@dataclass(frozen=True)
class LineageSettings(RootSettings):
    """What is told, and where to."""

    up: bool = setting(False, "Only what it was made from.")
    down: bool = setting(False, "Only what was made of it.")
    output: str = setting("", "HTML page to write, too.")


FLAGS = field_flags.flags_of(LineageSettings)

_SHOWN = 200  # executions in each direction


@common.command(__doc__, FLAGS, takes_arguments=True)
def main(arguments: Sequence[str]) -> int:
    """Entry point of `nst pipeline lineage`."""
    settings = field_flags.parsed(LineageSettings, FLAGS)
    if len(arguments) != 1:
        raise flags.Error(f"one artifact is expected. Received: {' '.join(arguments) or 'none'}")
    if settings.output:
        check_writable(settings.output)
    with opened(Path(settings.pipeline_root), create=False) as store:
        artifact, note = find_artifact(store, arguments[0])
        both = settings.up == settings.down
        answer = ask(store, artifact, up=both or settings.up, down=both or settings.down)
        print("\n".join([*([f"note: {note}"] if note else []), *describe(answer)]), flush=True)
        if settings.output:
            write_whole(settings.output, draw_page(answer, note).encode())
            print(settings.output, flush=True)
    return 0


def ask(store: Store, artifact: StoredArtifact, *, up: bool, down: bool) -> Answer:
    """Finds an artifact's lineage: of the executions nearest to it, if there are very many."""
    makers, users = (find_executions(store, artifact.id, role) for role in ("output", "input"))
    before = find_ancestors(store, makers) if up else []
    after = find_descendants(store, users) if down else []
    return Answer(
        artifact,
        folder_of(store, artifact),
        (len(before), len(after)),
        read_lineage(store, before[:_SHOWN]),
        read_lineage(store, after[:_SHOWN]),
        tuple(makers) if up else None,
        tuple(reversed(users)) if down else None,
        tuple(reversed(store.judgements(artifact.id))),
    )


if __name__ == "__main__":
    main()
