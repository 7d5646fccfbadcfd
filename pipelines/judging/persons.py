"""What a person says of a model: approved or revoked, whatever the stages say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from absl import flags

from nst_keras.errors import InputError
from nst_keras.fields import setting
from nst_keras.served.store import find_versions
from pipelines.engine.choices import RootSettings
from pipelines.engine.store.rows import StoredArtifact
from pipelines.engine.store.store import Store, opened
from pipelines.judging.lookup import find_artifact, find_model, pushed_models, served_now


@dataclass(frozen=True)
class JudgementSettings(RootSettings):
    """Who says it, and why."""

    who: str = setting("", "Your name, as it is kept.")
    why: str = setting("", "Your reason.")

    def __post_init__(self) -> None:
        """Checks every value."""
        super().__post_init__()
        for name, value in (("who", self.who), ("why", self.why)):
            if not value.strip():
                raise InputError(f"{name} must be given, and is kept with the judgement. Received: nothing")


def judge(settings: JudgementSettings, arguments: Sequence[str], *, approves: bool) -> None:
    """Keeps the judgement of a model that somebody names, and says what follows from it."""
    if len(arguments) != 1:
        raise flags.Error(f"one model is expected. Received: {' '.join(arguments) or 'none'}")
    with opened(Path(settings.pipeline_root), create=False) as store:
        artifact, note = find_artifact(store, arguments[0])
        try:
            model, _ = find_model(store, artifact)
        except InputError as error:
            raise InputError(f"{arguments[0]}: {error}") from error
        store.judge(model.id, approves=approves, who=settings.who, why=settings.why)
        lines = [f"note: {note}"] if note else []
        lines.append(f"Model {model.id} {model.digest[:12]}: {store.judgements(model.id)[0]}")
        served = [*_where_served(store, model)]
        if approves and not served:
            lines.append("the next run of its pipeline pushes it, unless the InfraValidator refuses it")
        elif not approves:
            lines.append("no run pushes it any more, or compares with it")
            lines += [f"{version} is served still: {_way_back(version)}" for version in served]
        print("\n".join(lines), flush=True)


def _way_back(version: Path) -> str:
    folder = version.parent
    if len(find_versions(folder)) > 1:
        return f"nst push --rollback --serving_dir={folder.parent} --name={folder.name}"
    return "there is no older version to go back to, so push another model, or take the server off"


def _where_served(store: Store, model: StoredArtifact) -> Iterator[Path]:
    """The newest versions of served models that are this one."""
    pushes = [outcome for outcome, pushed, _ in pushed_models(store) if pushed.id == model.id]
    for folder in sorted({Path(outcome.path).parent for outcome in pushes}):
        newest, digest = served_now(folder)
        if digest in {outcome.digest for outcome in pushes}:
            yield newest
