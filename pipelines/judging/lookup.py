"""Which artifact somebody means, which model is behind it, and which one is served."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from nst_keras.data.sources.listing import is_file_source
from nst_keras.errors import InputError
from nst_keras.served.store import SAVED_MODEL_FILE, find_versions, read_manifest
from pipelines.engine.stage import Channel, Pipeline
from pipelines.engine.store.ancestry import find_executions
from pipelines.engine.store.artifact_files import ARTIFACTS, folder_of
from pipelines.engine.store.digests import read_tree
from pipelines.engine.store.rows import EXTERNAL, StoredArtifact
from pipelines.engine.store.store import Store
from pipelines.judging.verdicts import Pushed, digest_files, digest_folder, read_outcome
from pipelines.kinds import Model, PushedModel, ServableModel, latest_blessed

_LEAST_DIGITS = 6
_LISTED = 20

Match: TypeAlias = tuple[StoredArtifact, str]  # with what must be said about why it is the one, if anything


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
    for artifact, outcome in _read_pushes(store):
        if Path(outcome.path).resolve() == where:
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
    by_contents = path.exists() and not is_file_source(path.name)  # of those their pictures count
    if by_contents:
        same = _select(store, "kind=? AND digest=?", EXTERNAL, read_tree(path).digest)
        if same:
            return same[0], ""
    earlier = _select(store, "kind=? AND path=?", EXTERNAL, str(path.resolve()))
    if not earlier:
        return None
    notes = [f"{path} has changed since a stage read it"] if by_contents else []
    notes += [] if path.exists() else [f"{path} isn't there any more"]
    others = f"; earlier contents: {', '.join(map(_name, earlier[1:]))}" if earlier[1:] else ""
    return earlier[0], "; ".join([*notes, f"these are the contents that were read last{others}"])


def _select(store: Store, where: str, *values: str | int) -> list[StoredArtifact]:
    """Artifacts that fit, the last first."""
    return store.select(StoredArtifact, f"SELECT * FROM artifact WHERE {where} ORDER BY id DESC", *values)


def _name(artifact: StoredArtifact) -> str:
    return f"{artifact.id} ({artifact.kind} {artifact.digest[:12]})"


def find_model(store: Store, artifact: StoredArtifact) -> tuple[StoredArtifact, int]:
    """The trained model that an artifact is, or was made of by an export and a push, and who made it.

    Raises:
        InputError: If it is something else.
    """
    makers = find_executions(store, artifact.id, "output")
    if artifact.kind == Model.__name__ and makers:
        return artifact, makers[0]
    if artifact.kind in (PushedModel.__name__, ServableModel.__name__):
        for maker in makers:
            for taken in store.events(maker, "input").values():
                if taken.kind in (ServableModel.__name__, Model.__name__):
                    return find_model(store, taken)
    raise InputError(
        f"must be a trained, an exported or a pushed model. Received: {artifact.kind} {artifact.id}"
    )


def pushed_models(store: Store) -> Iterator[tuple[Pushed, StoredArtifact, int]]:
    """Where trained models were pushed to, each with the model and who made it, the last first."""
    for artifact, outcome in _read_pushes(store):
        with contextlib.suppress(InputError):  # a pipeline of somebody's may push other things
            yield outcome, *find_model(store, artifact)


def _read_pushes(store: Store) -> list[tuple[StoredArtifact, Pushed]]:
    """What was pushed and can be read, the last first."""
    pushes = []
    for artifact in _select(store, "kind=? AND state='live'", PushedModel.__name__):
        try:
            outcome = read_outcome(PushedModel(folder_of(store, artifact)))
        except InputError:  # lost or damaged
            continue
        if outcome.version:
            pushes.append((artifact, outcome))
    return pushes


def served_now(folder: Path) -> tuple[Path, str]:
    """The newest version in a served model's folder, and its digest; "" if there is none."""
    versions = find_versions(folder)
    if not versions:
        return folder, ""
    newest = versions[max(versions)]
    manifest = read_manifest(newest)
    return newest, digest_files(manifest.files) if manifest else digest_folder(newest)


def served_model(model: Channel) -> Channel:
    """An input: the model that is served where this pipeline's Pusher pushes to.

    If that is this model, was revoked, or isn't known, the one that was blessed last.
    """
    return replace(latest_blessed(model), preferred=_find_served)


def _find_served(store: Store, pipeline: Pipeline) -> tuple[StoredArtifact, int] | str:
    pushers = (n for n in pipeline.nodes if any(o.kind is PushedModel for o in n.stage.outputs.values()))
    config = next((node.config for node in pushers), None)
    folder = Path(getattr(config, "serving_dir", "")) / getattr(config, "name", "")
    newest, digest = served_now(folder) if config else (folder, "")
    if not digest:
        return ""
    instead = "the model that was blessed last, if any, is compared with"
    for outcome, model, maker in pushed_models(store):
        if outcome.digest == digest:
            judgements = store.judgements(model.id)
            if judgements and not judgements[0].approves:
                return f"{newest} is served, but was {judgements[0]}; {instead}"
            return model, maker
    return f"{newest} is served, but wasn't pushed as it is from {store.root}; {instead}"
