"""Pusher: a blessed SavedModel becomes the newest version where a model server looks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.export.plan import ExportPlan
from nst_keras.fields import Settings, number, setting
from nst_keras.served.push import DEFAULT_KEEP, push
from nst_keras.served.store import SAVED_MODEL_FILE, find_versions
from pipelines.engine.stage import Artifact, Context, Input, Output, Stage
from pipelines.judging.verdicts import (
    Blessing,
    Pushed,
    as_record,
    digest_folder,
    digest_version,
    read_blessing,
    read_judgement,
    read_outcome,
    write_pushed,
)
from pipelines.kinds import InfraBlessing, ModelBlessing, ModelJudgement, PushedModel, ServableModel


@dataclass(frozen=True)
class PusherConfig(Settings):
    """Where to push to."""

    name: str = setting("", "The model's name, as in a server's addresses.")
    serving_dir: str = setting(ExportPlan.serving_dir, "Where model servers look.")
    keep: int = number(DEFAULT_KEEP, "Newest versions to leave there; 0: all.")
    allow_unblessed: bool = setting(False, "Push also what no Evaluator has judged.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.name:
            raise InputError("name must be the model's name. Received: nothing")


def push_model(
    config: PusherConfig,
    context: Context,
    *,
    servable: Input[ServableModel],
    blessing: Input[ModelBlessing] | None,
    infra_blessing: Input[InfraBlessing] | None,
    judgement: Input[ModelJudgement] | None = None,
    pushed: Output[PushedModel],
) -> dict[str, Any]:
    """Pushes a SavedModel that every blessing speaks for.

    One that isn't blessed isn't pushed, and the stage still succeeds, as TFX's does: the reasons are told and
    kept in pushed.json, and stages that need a pushed model refuse. Unlike TFX's, it refuses to push what
    nobody has judged. What a person said of the model goes before the Evaluator's blessing, and before
    nothing else. What already is the newest version, such as after a run that was killed right after it
    had pushed, isn't pushed again.
    """
    if blessing is None and not config.allow_unblessed:
        raise InputError(
            'Pusher: no blessing says that the model is good enough: wire blessing=evaluator["blessing"], '
            "or set allow_unblessed=True"
        )
    reasons = []
    approves, words = read_judgement(judgement) if judgement else (None, "")
    if words:
        context.say(f"{config.name} was {words}")
    if approves is not None:
        blessing, reasons = None, [] if approves else [words]
    for verdict, artifact in (("not blessed", blessing), ("not blessed for serving", infra_blessing)):
        own = read_blessing(artifact) if artifact else Blessing(True)
        if not own.blessed:
            reasons += [f"{verdict}: {reason}" for reason in own.reasons or ("no reason is given",)]
    if reasons:
        outcome = Pushed(config.name, reasons=tuple(reasons))
        context.say(f"{config.name} isn't pushed: {'; '.join(reasons)}")
    else:
        outcome = _push(config, servable.path, context)
    write_pushed(pushed, outcome)
    about = {"name": outcome.name, "version": outcome.version, "path": outcome.path}
    return {"pushed": bool(outcome.version), **about, **as_record(reasons)}


def _push(config: PusherConfig, source: Path, context: Context) -> Pushed:
    digest = digest_folder(source)
    folder = Path(config.serving_dir).absolute() / config.name
    versions = find_versions(folder)
    newest = versions[max(versions)] if versions else None
    if newest is not None and digest_version(newest) == digest:
        context.say(f"{newest} is this model already")
    else:
        newest = push(source, folder.parent, config.name, keep=config.keep)
        context.say(f"pushed {newest}")
    return Pushed(config.name, int(newest.name), str(newest), digest)


def is_served(config: PusherConfig, outputs: Mapping[str, Artifact]) -> bool:
    """Whether the version that was pushed still is there and whole; true if none was."""
    outcome = read_outcome(PushedModel(outputs["pushed"].path))
    version = Path(outcome.path)
    if not outcome.version:
        return True
    return (version / SAVED_MODEL_FILE).is_file() and digest_version(version) == outcome.digest


Pusher = Stage(push_model, "Pusher", current=is_served)
