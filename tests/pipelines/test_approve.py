"""A person approves and revokes models, and the pipeline obeys; models are compared with what is served."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nst_keras.fields import Settings
from nst_keras.served.push import rollback
from pipelines import approve, lineage, revoke
from pipelines.engine.execution.console import RunConsole
from pipelines.engine.execution.runner import Runner
from pipelines.engine.stage import Context, Input, Output, Pipeline, Stage
from pipelines.engine.store.store import Store
from pipelines.judging.lookup import served_model
from pipelines.kinds import Model, ServableModel, judged, refusals
from pipelines.reports.run_page import write_report
from pipelines.stages.pusher import Pusher, PusherConfig

Main = Callable[..., subprocess.CompletedProcess[str]]
WHO = ("--pipeline_root=root", "--who=Ada", "--why=seen by <hand>")


@dataclass(frozen=True)
class ExportConfig(Settings):
    """Nothing to set."""


def export(
    config: ExportConfig, context: Context, *, model: Input[Model], servable: Output[ServableModel]
) -> None:
    """What a server would take for a model."""
    (servable.path / "saved_model.pb").write_bytes((model.path / "model.txt").read_bytes())


Export = Stage(export, "Export")


@pytest.fixture
def run(tiny: ModuleType, tmp_path: Path) -> Callable[..., tuple[Runner, list[str]]]:
    """Trains, judges and pushes a model, below 0.4 an unblessed one; returns what was said, too."""

    def run(rate: float) -> tuple[Runner, list[str]]:
        said: list[str] = []
        serving = tmp_path / "served"
        *data, trained = tiny.pipeline(serving, rate=rate).nodes[:3]
        model = trained["model"]
        blessing = tiny.Judge(tiny.JudgeConfig(), model=model, baseline=served_model(model))
        servable = Export(ExportConfig(), model=model)
        pusher = Pusher(
            PusherConfig("words", str(serving), keep=0),
            servable=servable["servable"],
            blessing=blessing["blessing"],
            judgement=judged(model),
        )

        class Listener(RunConsole):
            def say(self, text: str) -> None:
                said.append(text)

        store = Store(tmp_path / "root")
        nodes = (*data, trained, blessing, servable, pusher)
        runner = Runner(Pipeline("judged", nodes), store, Listener(shows=False))
        runner.run("command", "1")
        write_report(store, runner.run_id)
        store.close()
        return runner, said

    return run


def _record(runner: Runner, node: str) -> dict[str, Any]:
    return dict(runner.results[node].record)


def _refusals(runner: Runner) -> list[str]:
    return refusals({name: result.record for name, result in runner.results.items()})


def test_what_a_person_says_goes_before_the_blessing(
    run: Callable[..., tuple[Runner, list[str]]], run_main: Main, tmp_path: Path
) -> None:
    assert _record(run(0.5)[0], "Pusher")["version"] == 1
    refused, _ = run(0.3)
    assert not _record(refused, "Pusher")["pushed"] and _refusals(refused)
    model = refused.results["Train"].outputs["model"]
    done = run_main(approve.main, str(model.id), *WHO)
    assert done.returncode == 0 and "approved by Ada: seen by <hand>" in done.stdout
    assert "the next run of its pipeline pushes it" in done.stdout
    again, said = run(0.3)
    assert again.results["Judge"].cached and _record(again, "Pusher")["version"] == 2
    assert "words was approved by Ada: seen by <hand>" in said and not _refusals(again)
    page = (tmp_path / "root" / "reports" / "latest.html").read_text()
    assert "approved by Ada: seen by &lt;hand&gt;" in page
    assert run(0.3)[0].results["Pusher"].cached

    # The baseline is what is served: the approved model, and after a rollback the one that is back.
    better, said = run(0.6)
    assert _record(better, "Judge")["baseline"] == 0.3 and _record(better, "Pusher")["version"] == 3
    assert run(0.6)[0].results["Judge"].cached
    rollback(tmp_path / "served", "words", keep=0)
    best, _ = run(0.7)
    assert _record(best, "Judge")["baseline"] == 0.3 and _record(best, "Pusher")["version"] == 5

    done = run_main(revoke.main, "served/words/5", *WHO)
    back = f"{tmp_path}/served/words/5 is served still: nst push --rollback --serving_dir={tmp_path}/served"
    assert done.returncode == 0 and f"{back} --name=words" in done.stdout
    revoked, said = run(0.7)
    assert _refusals(revoked) == ["Pusher: revoked by Ada: seen by <hand>"]
    later, said = run(0.8)
    (sentence,) = (line for line in said if "is served, but was revoked by Ada" in line)
    assert sentence.endswith("the model that was blessed last, if any, is compared with")
    assert _record(later, "Judge")["baseline"] == 0.6


def test_lineage_tells_who_said_what(
    run: Callable[..., tuple[Runner, list[str]]], run_main: Main, tmp_path: Path
) -> None:
    runner, _ = run(0.5)
    number = runner.results["Train"].outputs["model"].id
    assert run_main(revoke.main, "served/words/1", *WHO).returncode == 0
    assert run_main(approve.main, "served/words/1", *WHO).returncode == 0
    done = run_main(lineage.main, str(number), "--pipeline_root=root", "--output=page.html")
    told = [line.partition(",")[0] for line in done.stdout.splitlines() if " by Ada" in line]
    assert [line.strip() for line in told[:2]] == [
        "revoked by Ada: seen by <hand>",
        "approved by Ada: seen by <hand>",
    ]
    assert f"Model {number}: revoked by Ada: seen by &lt;hand&gt;" in (tmp_path / "page.html").read_text()


def test_another_served_model_is_told(run: Callable[..., tuple[Runner, list[str]]], tmp_path: Path) -> None:
    run(0.5)
    (tmp_path / "served" / "words" / "7").mkdir()
    (tmp_path / "served" / "words" / "7" / "saved_model.pb").write_text("by hand")
    runner, said = run(0.6)
    assert any("words/7 is served, but wasn't pushed as it is from" in line for line in said)
    assert _record(runner, "Judge")["baseline"] == 0.5


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["1"], 2, "pipeline_root"),
        (["1", "--pipeline_root=nowhere", "--who=Ada"], 2, "why must be given"),
        (["1", "--pipeline_root=nowhere", "--who= ", "--why=x"], 2, "who must be given"),
        ([*WHO], 2, "one model is expected"),
        (["99", *WHO], 1, "99: isn't known in root"),
        (["1", *WHO], 1, "1: must be a trained, an exported or a pushed model. Received: Examples 1"),
    ],
)
def test_mistakes(
    run: Callable[..., tuple[Runner, list[str]]], run_main: Main, flags: list[str], code: int, message: str
) -> None:
    if "--pipeline_root=root" in flags:
        run(0.5)
    for main in (approve.main, revoke.main):
        done = run_main(main, *flags)
        assert (done.returncode, "Traceback" in done.stderr) == (code, False) and message in done.stderr
