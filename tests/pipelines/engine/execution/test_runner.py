"""Runs: nothing is done twice, and whatever ends a run, the next one goes on."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nst_keras.errors import InputError
from nst_keras.storage import files
from pipelines.engine.choices import change_configs, choose_nodes
from pipelines.engine.execution import work as work_module
from pipelines.engine.execution.console import RunConsole
from pipelines.engine.execution.runner import Choice, Runner
from pipelines.engine.stage import Stopped
from pipelines.engine.store.artifact_files import folder_of
from pipelines.engine.store.rows import Run
from pipelines.engine.store.store import Store

ALL = ["gather", "count", "train", "part0", "part1", "part2", "judge-None", "push"]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def _cached(runner: Runner) -> dict[str, bool]:
    return {name: result.cached for name, result in runner.results.items()}


def _file(store: Store, runner: Runner, node: str, output: str, name: str) -> Path:
    return folder_of(store, runner.results[node].outputs[output]) / name


def _since(tiny: ModuleType, before: list[str]) -> list[str]:
    return tiny.calls()[len(before) :]


def test_a_second_run_does_nothing(run: Callable[..., Runner], tiny: ModuleType, models: Path) -> None:
    first = run(tiny.pipeline(models))
    assert tiny.calls() == ALL and not any(_cached(first).values())
    second = run(tiny.pipeline(models))
    assert tiny.calls() == ALL and all(_cached(second).values())
    for name, result in first.results.items():
        again = second.results[name]
        assert (again.outputs, again.record) == (result.outputs, result.record)


def test_outputs_are_read_only_and_nothing_is_left_behind(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store
) -> None:
    runner = run(tiny.pipeline(models))
    model = _file(store, runner, "Train", "model", "model.txt")
    assert model.read_text() == "0.50" and not model.stat().st_mode & 0o222
    assert not [path for path in (store.root / "work").iterdir() if path.is_dir()]


def test_a_changed_config_redoes_what_depends_on_it(
    run: Callable[..., Runner], tiny: ModuleType, models: Path
) -> None:
    run(tiny.pipeline(models))
    again = run(tiny.pipeline(models, rate=0.7))
    assert _cached(again) == {"Gather": True, "Count": True, "Train": False, "Judge": False, "Push": False}


def test_equal_outputs_end_the_redoing(run: Callable[..., Runner], tiny: ModuleType, models: Path) -> None:
    run(tiny.pipeline(models))
    again = run(tiny.pipeline(models, rate=0.5001))
    assert _cached(again) == {"Gather": True, "Count": True, "Train": False, "Judge": True, "Push": True}


def test_data_from_outside_counts_by_its_contents(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, tmp_path: Path
) -> None:
    source = tmp_path / "words.txt"
    source.write_text("one two")
    pipeline = change_configs(tiny.pipeline(models), [f"Gather.source={source}"])
    run(pipeline)
    os.utime(source, (1, 1))
    assert run(pipeline).results["Gather"].cached
    source.write_text("two one")
    assert _cached(run(pipeline)) == {
        **dict.fromkeys(("Gather", "Train", "Count"), False),
        "Judge": True,
        "Push": True,
    }
    source.unlink()
    with pytest.raises(InputError, match=r"^Gather: .*words.txt: does not exist"):
        run(pipeline)


def test_what_computes_counts(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(tiny.pipeline(models))
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert not run(tiny.pipeline(models)).results["Train"].cached
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    assert run(tiny.pipeline(models)).results["Train"].execution == first.results["Train"].execution


def test_incidental_fields_do_not_count(run: Callable[..., Runner], tiny: ModuleType, models: Path) -> None:
    run(tiny.pipeline(models))
    pipeline = change_configs(tiny.pipeline(models), ["Train.log_every=7"])
    assert run(pipeline).results["Train"].cached


def test_verifying_reads_data_from_outside_again(
    run: Callable[..., Runner],
    tiny: ModuleType,
    models: Path,
    tmp_path: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files, "_COARSEST_CLOCK_NS", 0)  # as if some time had gone by
    (tmp_path / "words.txt").write_text("one two")
    pipeline = change_configs(tiny.pipeline(models), [f"Gather.source={tmp_path / 'words.txt'}"])
    run(pipeline)
    # What is known of the file isn't true, as if it had been changed below its file system.
    store.connection.execute("UPDATE file_digest SET digest='0 7' WHERE path LIKE '%words.txt%'")
    assert run(pipeline, Choice(thoroughly=True)).results["Gather"].cached
    store.connection.execute("UPDATE file_digest SET digest='0 7' WHERE path LIKE '%/words.txt//all'")
    assert not run(pipeline).results["Gather"].cached


def test_a_stopped_stage_goes_on_from_its_scratch_folder(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store
) -> None:
    with pytest.raises(Stopped):
        run(tiny.pipeline(models), should_stop=lambda: "part1" in tiny.calls())
    assert store.read(Run, 1).state == "stopped" and store.run_executions(1)["Train"][0].state == "stopped"
    before = tiny.calls()
    run(tiny.pipeline(models))
    assert _since(tiny, before) == ["train", "part2", "judge-None", "push"]


def test_a_wish_to_stop_is_heard_between_stages(
    run: Callable[..., Runner], tiny: ModuleType, models: Path
) -> None:
    with pytest.raises(Stopped):
        run(tiny.pipeline(models), should_stop=lambda: "gather" in tiny.calls())
    assert tiny.calls() == ["gather"]


@pytest.mark.parametrize(
    ("trick", "error", "message"),
    [
        ("refuse", InputError, r"^Gather: words must be better$"),
        ("full", InputError, r"^Gather: model.txt: No space left on device; finished stages are kept"),
        ("crash", RuntimeError, r"^a bug$"),
    ],
)
def test_a_failure_names_its_stage_and_is_kept(
    run: Callable[..., Runner],
    tiny: ModuleType,
    models: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    trick: str,
    error: type[Exception],
    message: str,
) -> None:
    monkeypatch.setenv("TINY_TRICK", f"gather:{trick}")
    with pytest.raises(error, match=message):
        run(tiny.pipeline(models))
    failed = store.run_executions(1)["Gather"][0]
    assert (store.read(Run, 1).state, failed.state) == ("failed", "failed")
    assert (
        failed.error and store.read(Run, 1).error and not list((store.root / "artifacts").rglob("words.txt"))
    )
    monkeypatch.delenv("TINY_TRICK")
    assert not run(tiny.pipeline(models)).results["Gather"].cached


def test_finished_stages_outlive_a_failure(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY_TRICK", "train:refuse")
    with pytest.raises(InputError, match="Train: "):
        run(tiny.pipeline(models))
    monkeypatch.delenv("TINY_TRICK")
    again = run(tiny.pipeline(models))
    assert _cached(again) == {"Gather": True, "Count": True, "Train": False, "Judge": False, "Push": False}


def test_a_full_disk_is_told_when_outputs_are_placed(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*arguments: object) -> None:
        raise OSError(28, "No space left on device", "artifacts/Model")

    with (
        monkeypatch.context() as patched,
        pytest.raises(InputError, match="Gather: artifacts/Model: No space"),
    ):
        patched.setattr(work_module, "place", no_space)
        run(tiny.pipeline(models))
    assert len(run(tiny.pipeline(models)).results) == 5


def test_a_full_disk_is_told_when_the_store_is_written(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gather(*arguments: Any, **outputs: Any) -> dict[str, str]:
        return {**tiny.gather(*arguments, **outputs), "much": "x" * 200_000}

    gather.__module__ = tiny.__name__
    (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
    with monkeypatch.context() as patched:
        patched.setattr(tiny.Gather, "function", gather)
        store.connection.execute(f"PRAGMA max_page_count = {pages + 20}")
        with pytest.raises(
            InputError, match=r"Gather: .*metadata.sqlite: database or disk is full; finished"
        ):
            run(tiny.pipeline(models))
    store.connection.execute("PRAGMA max_page_count = 1000000")
    assert store.read(Run, 1).state == "failed" and len(run(tiny.pipeline(models)).results) == 5


def test_a_process_that_was_killed_in_a_stage_loses_no_finished_work(
    start: Callable[..., subprocess.Popen[bytes]],
    run: Callable[..., Runner],
    tiny: ModuleType,
    models: Path,
    store: Store,
) -> None:
    assert start("train:kill").wait() == -9
    assert tiny.calls() == ["gather", "count", "train", "part0", "part1"]
    before = tiny.calls()
    run(tiny.pipeline(models))
    assert _since(tiny, before) == ["train", "part2", "judge-None", "push"]
    assert store.read(Run, 1).state == "killed" and store.run_executions(1)["Train"][0].state == "killed"


def test_a_process_that_was_killed_before_it_wrote_down_what_it_had_placed(
    start: Callable[..., subprocess.Popen[bytes]],
    run: Callable[..., Runner],
    tiny: ModuleType,
    models: Path,
    store: Store,
) -> None:
    change = "import os; Store.complete_execution = lambda *arguments: os.kill(os.getpid(), 9)"
    assert start(change=change).wait() == -9
    placed = list((store.root / "artifacts" / "Examples").iterdir())
    assert len(placed) == 1
    runner = run(tiny.pipeline(models))
    assert not runner.results["Gather"].cached and len(runner.results) == 5
    assert list((store.root / "artifacts" / "Examples").iterdir()) == placed
    assert store.run_executions(1)["Gather"][0].state == "killed"


def test_runs_at_the_same_time_do_everything_once(
    start: Callable[..., subprocess.Popen[bytes]], tiny: ModuleType, store: Store, tmp_path: Path
) -> None:
    store.close()
    shutil.rmtree(store.root)  # so that they also make the store at the same time
    processes = [start("train:slow") for _ in range(3)]
    for process in processes:
        assert process.wait() == 0, (tmp_path / "log.txt").read_text()
    assert sorted(tiny.calls()) == sorted(ALL)


def test_a_run_that_waits_for_another_says_so_and_can_be_stopped(
    start: Callable[..., subprocess.Popen[bytes]], tiny: ModuleType, models: Path, store: Store
) -> None:
    hold = "import time; tiny._trick = lambda stage: time.sleep(60)"
    other = start(change=hold)
    while not tiny.calls():  # until it is in its first stage
        assert other.poll() is None
    shown: list[str] = []

    class Listener(RunConsole):
        def show(self, text: object) -> None:
            shown.extend(filter(None, [str(text)]))

        def should_stop(self) -> bool:
            return bool(shown)

    with pytest.raises(Stopped):
        Runner(tiny.pipeline(models), store, Listener(shows=False)).run("command", "1")
    assert shown == ["waiting for another run that does the same"]
    assert tiny.calls() == ["gather"]


def test_a_lost_artifact_is_named_and_made_again(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store
) -> None:
    folder = _file(store, run(tiny.pipeline(models)), "Train", "model", "model.txt").parent
    shutil.rmtree(folder)
    said: list[str] = []
    again = run(tiny.pipeline(models), said=said)
    assert said == [f"{folder}: is lost; it will be made again"]
    assert [name for name, cached in _cached(again).items() if not cached] == ["Train"]
    assert (folder / "model.txt").read_text() == "0.50"


def test_a_damaged_file_is_named_and_made_again(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store
) -> None:
    file = _file(store, run(tiny.pipeline(models)), "Train", "model", "model.txt")
    file.chmod(0o644)
    file.write_text("0.51")
    said: list[str] = []
    again = run(tiny.pipeline(models), said=said)
    assert len(said) == 1 and said[0].startswith(f"{file}: isn't as it was made")
    assert [name for name, cached in _cached(again).items() if not cached] == ["Train"]
    assert file.read_text() == "0.50"
    (aside,) = (store.root / "damaged").iterdir()
    assert (aside / "model.txt").read_text() == "0.51"


def test_damage_that_kept_size_and_time_is_found(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store
) -> None:
    file = _file(store, run(tiny.pipeline(models)), "Train", "model", "model.txt")
    assert run(tiny.pipeline(models)).results["Train"].cached  # it was seen once
    stat = file.stat()
    file.chmod(0o644)
    file.write_text("0.51")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert not run(tiny.pipeline(models)).results["Train"].cached


def test_damage_that_shows_nothing_is_found_on_request(
    run: Callable[..., Runner],
    tiny: ModuleType,
    models: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = _file(store, run(tiny.pipeline(models)), "Train", "model", "model.txt")
    monkeypatch.setattr("pipelines.engine.store.digests.state_anywhere", lambda path: "as ever")
    assert run(tiny.pipeline(models)).results["Train"].cached  # it was seen once
    file.chmod(0o644)
    file.write_text("0.51")
    assert run(tiny.pipeline(models)).results["Train"].cached
    assert not run(tiny.pipeline(models), Choice(thoroughly=True)).results["Train"].cached


def test_what_stopped_being_true_is_done_again(
    run: Callable[..., Runner], tiny: ModuleType, models: Path
) -> None:
    run(tiny.pipeline(models))
    shutil.rmtree(models / "words" / "1")
    assert [name for name, cached in _cached(run(tiny.pipeline(models))).items() if not cached] == ["Push"]


def test_the_baseline_is_the_model_that_was_blessed_last(
    run: Callable[..., Runner], tiny: ModuleType, models: Path
) -> None:
    run(tiny.pipeline(models, rate=0.5))
    run(tiny.pipeline(models, rate=0.2))  # not good enough
    run(tiny.pipeline(models, rate=0.8))
    assert [call for call in tiny.calls() if call.startswith("judge")] == ["judge-None", *["judge-0.5"] * 2]
    assert all(_cached(run(tiny.pipeline(models, rate=0.8))).values())


def test_a_part_of_a_pipeline_runs_alone(run: Callable[..., Runner], tiny: ModuleType, models: Path) -> None:
    pipeline = tiny.pipeline(models)
    with pytest.raises(InputError, match="Train needs Gather, which this run leaves alone"):
        run(pipeline, Choice(choose_nodes(pipeline, "", "", ["Train"])))
    until = run(pipeline, Choice(choose_nodes(pipeline, "", "Train", [])))
    assert _cached(until) == {"Gather": False, "Train": False}
    before = tiny.calls()
    run(pipeline, Choice(choose_nodes(pipeline, "Judge", "", [])))
    assert _since(tiny, before) == ["judge-None", "push"]
    fresh = run(pipeline, Choice(fresh=frozenset({"Count"})))
    assert [name for name, cached in _cached(fresh).items() if not cached] == ["Count"]


def test_stages_left_alone_give_what_the_last_run_had(
    run: Callable[..., Runner], tiny: ModuleType, models: Path
) -> None:
    for rate in (0.5, 0.7, 0.5):
        run(tiny.pipeline(models, rate=rate))
    alone = run(tiny.pipeline(models), Choice(frozenset({"Push"}), frozenset({"Push"})))
    assert (models / "words" / "3" / "saved_model.pb").read_text() == "0.50"
    assert alone.results["Train"].record == {"loss": 0.5}


def test_pipelines_in_one_root_share_what_is_equal(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store
) -> None:
    run(tiny.pipeline(models))
    other = tiny.pipeline(models, name="other")
    assert all(_cached(run(other)).values())
    assert set(store.run_executions(2)) == {"Gather", "Count", "Train", "Judge", "Push"}
    alone = run(other, Choice(frozenset({"Count"}), frozenset({"Count"})))
    assert not alone.results["Count"].cached


def test_a_run_that_cannot_be_written_down_keeps_its_reason(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setenv("TINY_TRICK", "gather:refuse")
    monkeypatch.setattr(store, "end", broken)
    with pytest.raises(InputError, match="Gather: words must be better"):
        run(tiny.pipeline(models))
