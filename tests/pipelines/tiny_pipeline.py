"""A pipeline that needs no TensorFlow: words are gathered, counted, learnt, judged and pushed.

Beside its file it keeps `calls.log`, a line for each piece of work. The variable TINY_TRICK makes a stage
misbehave without changing what its outputs follow from: "train:kill" and the like, see `_trick`.
"""

import errno
import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_keras import fields
from nst_keras.errors import InputError
from nst_keras.served.store import digest_file
from pipelines.engine.stage import Artifact, Context, Input, Output, Pipeline, Stage, Stopped
from pipelines.judging.verdicts import Pushed, digest_files, read_outcome, write_pushed
from pipelines.kinds import (
    Examples,
    ExampleStatistics,
    Model,
    ModelBlessing,
    PushedModel,
    latest_blessed,
)

PARTS = 3  # of a training, each kept in the scratch folder


def log(text: str) -> None:
    with Path(__file__).with_name("calls.log").open("a") as file:
        file.write(f"{text}\n")


def calls() -> list[str]:
    path = Path(__file__).with_name("calls.log")
    return path.read_text().split() if path.exists() else []


def _trick(stage: str) -> None:
    wanted, _, what = os.environ.get("TINY_TRICK", "").partition(":")
    if wanted != stage:
        return
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "refuse":
        raise InputError("words must be better")
    if what == "ask":
        raise InputError("there are few words; set Gather.words=more if so few are meant")
    if what == "crash":
        raise RuntimeError("a bug")
    if what == "full":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "model.txt")
    if what == "slow":
        time.sleep(0.4)


@dataclass(frozen=True)
class GatherConfig:
    words: str = "to be or not to be"
    source: str = ""


def gather(config: GatherConfig, context: Context, *, examples: Output[Examples]) -> dict[str, Any]:
    log("gather")
    _trick("gather")
    words = Path(config.source).read_text() if config.source else config.words
    (examples.path / "words.txt").write_text(words)
    return {"words": len(words.split())}


@dataclass(frozen=True)
class CountConfig:
    letters: bool = False


def count(
    config: CountConfig,
    context: Context,
    *,
    examples: Input[Examples],
    statistics: Output[ExampleStatistics],
) -> dict[str, Any]:
    log("count")
    words = (examples.path / "words.txt").read_text()
    number = len(words) if config.letters else len(words.split())
    (statistics.path / "index.html").write_text(f"<p>{number}</p>")
    return {"number": number}


@dataclass(frozen=True)
class TrainConfig:
    rate: float = 0.5
    steps: int = 3
    log_every: int = fields.incidental(fields.number(1, "Steps between lines."))

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps must be a positive integer. Received: steps={self.steps}")


def train(
    config: TrainConfig, context: Context, *, examples: Input[Examples], model: Output[Model]
) -> dict[str, Any]:
    log("train")
    for number in range(PARTS):
        part = context.scratch / f"part{number}"
        if not part.exists():
            part.write_text("done")
            log(f"part{number}")
        if number == 1:
            _trick("train")
            if context.should_stop():
                raise Stopped
    # Rates that differ little come to the same model.
    (model.path / "model.txt").write_text(f"{config.rate:.2f}")
    (model.path / "curve.png").write_bytes(b"\x89PNG" + bytes(20))
    return {"loss": round(1 - config.rate, 3)}


@dataclass(frozen=True)
class JudgeConfig:
    least: float = 0.4


def judge(
    config: JudgeConfig,
    context: Context,
    *,
    model: Input[Model],
    baseline: Input[Model] | None,
    blessing: Output[ModelBlessing],
) -> dict[str, Any]:
    before = float((baseline.path / "model.txt").read_text()) if baseline else None
    log(f"judge-{before}")
    rate = float((model.path / "model.txt").read_text())
    blessed = rate >= config.least
    (blessing.path / "blessing.json").write_text(json.dumps({"blessed": blessed, "reasons": []}))
    return {"blessed": blessed, "baseline": before}


@dataclass(frozen=True)
class PushConfig:
    serving_dir: str
    name: str = "words"


def push(
    config: PushConfig,
    context: Context,
    *,
    model: Input[Model],
    blessing: Input[ModelBlessing],
    pushed: Output[PushedModel],
) -> dict[str, Any]:
    log("push")
    _trick("push")
    folder = Path(config.serving_dir).resolve() / config.name
    version = 1 + max((int(path.name) for path in folder.glob("*")), default=0)
    target = folder / str(version)
    target.mkdir(parents=True)
    (target / "saved_model.pb").write_bytes((model.path / "model.txt").read_bytes())
    digest = digest_files({"saved_model.pb": digest_file(target / "saved_model.pb")})
    write_pushed(pushed, Pushed(config.name, version, str(target), digest))
    return {"version": version, "path": str(target)}


def is_there(config: PushConfig, outputs: Mapping[str, Artifact]) -> bool:
    return Path(read_outcome(PushedModel(outputs["pushed"].path)).path).is_dir()


Gather = Stage(gather, "Gather", reads=lambda config: [Path(config.source)] if config.source else [])
Count, Train, Judge = Stage(count, "Count"), Stage(train, "Train"), Stage(judge, "Judge")
Push = Stage(push, "Push", current=is_there)


def pipeline(serving_dir: Path, name: str = "words", rate: float = 0.5) -> Pipeline:
    examples = Gather(GatherConfig())
    statistics = Count(CountConfig(), examples=examples["examples"])
    trained = Train(TrainConfig(rate), examples=examples["examples"])
    blessing = Judge(JudgeConfig(), model=trained["model"], baseline=latest_blessed(trained["model"]))
    pushed = Push(PushConfig(str(serving_dir)), model=trained["model"], blessing=blessing["blessing"])
    return Pipeline(name, (examples, statistics, trained, blessing, pushed))
