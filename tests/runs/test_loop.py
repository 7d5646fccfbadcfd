"""A run goes on where it was, whatever ended it, and keeps what it promised."""

import csv
import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nst_keras.console.progress import Progress
from nst_keras.errors import InputError
from nst_keras.runs import loop
from nst_keras.runs.loop import Run, Watcher
from nst_keras.runs.plan import CHECKPOINT, LOG, RunPlan
from nst_keras.storage.checkpoint import Arrays, Values

PLAN = RunPlan(tensorboard=False, checkpoint_seconds=3600)
NUM_STEPS = 6


class Sum:
    """Adds up the numbers of the steps."""

    def __init__(self) -> None:
        self.total, self.calls = np.zeros([]), 0

    def add(self, number: int) -> None:
        self.total, self.calls = self.total + number, self.calls + 1

    def state(self) -> tuple[Values, Arrays]:
        return {"note": "any"}, {"state": [self.total], "none": []}

    def set_state(self, values: Values, arrays: Arrays) -> None:
        assert values["note"] == "any"
        (self.total,) = arrays["state"]


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., tuple[Sum, Run]]:
    def train(
        watcher: Watcher = Watcher(), plan: RunPlan = PLAN, rate: float = 1.0, **options: object
    ) -> tuple[Sum, Run]:
        trained = Sum()
        with Run(trained, tmp_path, plan, {"rate": rate}, NUM_STEPS, watcher, **options) as run:
            for step in run.steps():
                trained.add(step)
                run.show({"loss": 1 / run.step})
                if run.step % 2 == 0:
                    run.log({"step": run.step, "total": float(trained.total), "seconds": run.seconds})
        return trained, run

    return train


def _stop_after(step: int) -> Watcher:
    seen: list[int] = []
    return Watcher(show=lambda progress: seen.append(progress.step), should_stop=lambda: seen[-1] == step)


def _rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / LOG).read_text().splitlines()))


def test_every_step_is_taken_once_and_shown(train: Callable, tmp_path: Path) -> None:
    shown: list[Progress] = []
    trained, run = train(Watcher(show=shown.append))
    assert (float(trained.total), trained.calls) == (15, NUM_STEPS)
    assert run.finished and run.step == NUM_STEPS
    assert [(progress.step, progress.num_steps) for progress in shown] == [(n, 6) for n in range(1, 7)]
    assert shown[-1].values == {"loss": 1 / 6}
    assert [(row["step"], row["total"]) for row in _rows(tmp_path)] == [
        ("2", "1.0"),
        ("4", "6.0"),
        ("6", "15.0"),
    ]


def test_what_was_stopped_goes_on(train: Callable, tmp_path: Path) -> None:
    said: list[str] = []
    _, run = train(_stop_after(3))
    assert not run.finished
    trained, resumed = train(Watcher(say=said.append))
    assert said == ["going on at step 3 of 6"]
    assert (float(trained.total), trained.calls) == (15, 3), "half of the work was kept"
    assert resumed.finished and resumed.seconds > run.seconds
    assert [row["step"] for row in _rows(tmp_path)] == ["2", "4", "6"]
    again, _ = train()
    assert (float(again.total), again.calls) == (15, 0), "what is finished takes no step"


def test_a_stop_after_the_last_step_is_none(train: Callable) -> None:
    _, run = train(_stop_after(NUM_STEPS))
    assert run.finished


def test_a_killed_run_goes_on_from_the_last_checkpoint(
    train: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000_000, 60))
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(clock))

    def die(progress: Progress) -> None:
        if progress.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(Watcher(show=die), replace(PLAN, checkpoint_seconds=60))
    trained, _ = train()
    assert (float(trained.total), trained.calls) == (15, 2)


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(
    train: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(_stop_after(2))
    before = (tmp_path / CHECKPOINT).read_bytes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(f"os.{name}", killed)
            train(_stop_after(3))
        assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert train()[0].calls == 4


def test_another_record_is_refused_unless_the_run_begins_anew(train: Callable, tmp_path: Path) -> None:
    leaves = functools.partial(train, leaves=("model.bin", "pictures"))
    leaves(_stop_after(2))
    (tmp_path / "model.bin").touch()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "mine").touch()
    with pytest.raises(InputError, match=r"these differ: rate \(was 1.0, is 2.0\). Give .* --restart"):
        leaves(rate=2.0)
    anew, _ = leaves(plan=replace(PLAN, restart=True), rate=2.0)
    assert anew.calls == NUM_STEPS
    assert sorted(path.name for path in tmp_path.iterdir()) == [CHECKPOINT, LOG, "mine"]


def test_of_several_workers_one_writes(train: Callable, tmp_path: Path) -> None:
    trained, run = train(writes=False)
    assert run.finished and trained.calls == NUM_STEPS
    assert not list(tmp_path.iterdir())


def test_a_log_without_times(train: Callable, tmp_path: Path) -> None:
    train(timed=False)
    assert list(_rows(tmp_path)[0]) == ["step", "total"]


def test_damage_is_named(train: Callable, tmp_path: Path) -> None:
    train(_stop_after(2))
    data = (tmp_path / CHECKPOINT).read_bytes()
    for broken in (b"", b"text", data[: len(data) // 2]):
        (tmp_path / CHECKPOINT).write_bytes(broken)
        with pytest.raises(InputError, match=r"checkpoint\.npz: the checkpoint is damaged .*delete it"):
            train()
