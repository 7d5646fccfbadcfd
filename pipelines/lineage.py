"""Shows what an artifact was made from, and what was made of it.

  nst pipeline lineage 17 --pipeline_root=runs/classifier
  nst pipeline lineage saved_models/classifier/3 --pipeline_root=runs/classifier --up
  nst pipeline lineage 3fa2b4c1 --pipeline_root=runs/classifier --output=lineage.html

The artifact is given by its number, by the first six or more digits of its digest, by its folder, by the
folder of a served version, or by the path of data from outside. With --output it is drawn as well, as a page
that opens from disk.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.data.sources.tables import is_table
from nst_keras.errors import InputError
from nst_keras.fields import setting
from nst_keras.served.store import SAVED_MODEL_FILE
from nst_keras.storage.files import check_writable, write_whole
from pipelines.engine.choices import RootSettings
from pipelines.engine.store.ancestry import find_ancestors, find_descendants, find_executions, read_lineage
from pipelines.engine.store.artifact_files import ARTIFACTS, folder_of
from pipelines.engine.store.digests import read_tree
from pipelines.engine.store.rows import EXTERNAL, StoredArtifact
from pipelines.engine.store.store import Store, opened
from pipelines.judging.verdicts import digest_folder, read_outcome
from pipelines.kinds import PushedModel
from pipelines.reports.lineage_page import Answer, describe, draw_page


@dataclass(frozen=True)
class LineageSettings(RootSettings):
    """What is told, and where to."""

    up: bool = setting(False, "Only what it was made from.")
    down: bool = setting(False, "Only what was made of it.")
    output: str = setting("", "HTML page to write, too.")


FLAGS = field_flags.flags_of(LineageSettings)

_LEAST_DIGITS = 6
_SHOWN = 200  # executions in each direction
_LISTED = 20

Match: TypeAlias = tuple[StoredArtifact, str]  # with what must be said about why it is the one, if anything


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
    )


def find_artifact(store: Store, wanted: str) -> Match:
    """Finds an artifact by a number, the beginning of a digest, or a path."""
    if wanted.isdecimal():
        artifacts = _select(store, "id=?", int(wanted))
        if artifacts:
            return artifacts[0], ""
    if re.fullmatch(rf"[0-9a-f]{{{_LEAST_DIGITS},64}}", wanted.lower()):
        # GLOB, unlike LIKE, needs no escapes for hex digits.
        artifacts = _select(store, "digest GLOB ? || '*'", wanted.lower())
        if len(artifacts) > 1:
            more = ["..."] if len(artifacts) > _LISTED else []
            listed = "; ".join([*map(_name, artifacts[:_LISTED]), *more])
            raise InputError(f"{wanted}: are the first digits of several artifacts: {listed}")
        if artifacts:
            return artifacts[0], ""
    path = Path(wanted)
    match = _find_folder(store, path) or _find_pushed(store, path) or _find_external(store, path)
    if match is None:
        raise InputError(
            f"{wanted}: isn't known in {store.root}; expected is an artifact's number, {_LEAST_DIGITS} or "
            "more digits of its digest, its folder, the folder of a pushed version, or data that a stage read"
        )
    return match


def _find_folder(store: Store, path: Path) -> Match | None:
    """By the folder of an artifact, or a file in it."""
    try:
        parts = path.resolve().relative_to(store.root.resolve()).parts
    except ValueError:
        return None
    if len(parts) < 3 or parts[0] != ARTIFACTS:
        return None
    artifacts = _select(store, "path=?", "/".join(parts[:3]))
    return (artifacts[0], "") if artifacts else None


def _find_pushed(store: Store, path: Path) -> Match | None:
    """By the folder of a served version: where it was pushed to counts first, then what is in it."""
    if not (path / SAVED_MODEL_FILE).is_file():
        return None
    digest, where = digest_folder(path), path.resolve()
    same_place, same_contents = [], []
    for artifact in _select(store, "kind=? AND state='live'", PushedModel.__name__):
        try:
            outcome = read_outcome(PushedModel(folder_of(store, artifact)))
        except InputError:  # lost or damaged
            continue
        if outcome.version and Path(outcome.path).resolve() == where:
            if outcome.digest == digest:
                return artifact, ""
            same_place.append(artifact)
        elif outcome.digest == digest:
            same_contents.append((artifact, outcome.path))
    if same_contents:
        artifact, first = same_contents[0]
        return artifact, f"{path} wasn't pushed there itself, but is what was pushed to {first}"
    if same_place:
        return same_place[0], f"{path} has changed since it was pushed"
    return None


def _find_external(store: Store, path: Path) -> Match | None:
    """By the path of data that a stage read, with the contents that it has now if those are known."""
    there = path.exists() and not is_table(path.name)  # whose pictures count, too
    if there:
        same = _select(store, "kind=? AND digest=?", EXTERNAL, read_tree(path).digest)
        if same:
            return same[0], ""
    earlier = _select(store, "kind=? AND path=?", EXTERNAL, str(path.resolve()))
    if not earlier:
        return None
    note = f"{path} has changed since a stage read it" if there else f"{path} isn't there any more"
    others = f"; earlier contents: {', '.join(map(_name, earlier[1:]))}" if earlier[1:] else ""
    return earlier[0], f"{note}; these are the contents that were read last{others}"


def _select(store: Store, where: str, *values: str | int) -> list[StoredArtifact]:
    """Artifacts that fit, the last first."""
    return store.select(StoredArtifact, f"SELECT * FROM artifact WHERE {where} ORDER BY id DESC", *values)


def _name(artifact: StoredArtifact) -> str:
    return f"{artifact.id} ({artifact.kind} {artifact.digest[:12]})"


if __name__ == "__main__":
    main()
