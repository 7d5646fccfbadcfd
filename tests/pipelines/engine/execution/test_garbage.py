"""Garbage: what nothing needs goes, and nothing else, whatever else goes on."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from nst_keras.errors import InputError
from pipelines.engine.choices import change_configs, choose_nodes
from pipelines.engine.execution.garbage import collect, live_artifacts
from pipelines.engine.execution.runner import Choice, Runner
from pipelines.engine.memo import Piece
from pipelines.engine.stage import Stopped
from pipelines.engine.store.artifact_files import folder_of, remove
from pipelines.engine.store.rows import StoredArtifact
from pipelines.engine.store.store import Store
from pipelines.kinds import BLESSED


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def _collect(store: Store, pushed: bool | set[int] = False, keep_runs: int = 0, **options: bool) -> list[str]:
    def is_pushed(artifact: StoredArtifact) -> bool:
        return artifact.id in pushed if isinstance(pushed, set) else pushed

    return [item.what for item in collect(store, is_pushed, BLESSED, keep_runs=keep_runs, **options)]


def _live(store: Store) -> set[int]:
    found = live_artifacts(store)
    for artifact in found:
        assert artifact.kind == "ExternalData" or folder_of(store, artifact).is_dir()
    return {artifact.id for artifact in found}


def _made(runner: Runner, *nodes: str) -> set[int]:
    results = (runner.results[node] for node in nodes or runner.results)
    return {artifact.id for result in results for artifact in result.outputs.values()}


def test_what_is_pushed_keeps_all_that_it_was_made_from(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store
) -> None:
    runs = [run(tiny.pipeline(models, rate=rate)) for rate in (0.5, 0.6, 0.7, 0.8, 0.9)]
    first = runs[0]
    removed = _collect(store, _made(first, "Push"))
    # Besides, the two models that were blessed last, but not what was made of them.
    expected = _made(first, "Push", "Judge", "Train", "Gather")
    expected |= _made(runs[3], "Train") | _made(runs[4], "Train")
    assert _live(store) == expected and len(removed) == 7
    assert not _collect(store, _made(first, "Push"))


def test_the_last_runs_stay_whole(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store
) -> None:
    runs = [run(tiny.pipeline(models, rate=rate)) for rate in (0.1, 0.2, 0.3, 0.1)]
    other = run(tiny.pipeline(models, name="other", rate=0.15))
    _collect(store, keep_runs=2)
    assert _live(store) == _made(runs[2]) | _made(runs[3]) | _made(other)
    before = tiny.calls()
    run(tiny.pipeline(models, rate=0.3))
    assert tiny.calls() == before


def test_what_was_removed_is_known_and_made_again(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store
) -> None:
    first = run(tiny.pipeline(models, rate=0.1))
    listed = _collect(store, dry_run=True)
    assert _live(store) == _made(first)
    assert _collect(store) == listed and len(listed) == 5
    assert not _live(store) and not list((store.root / "artifacts").glob("*/*"))
    assert {store.read(StoredArtifact, number).state for number in _made(first)} == {"collected"}
    said: list[str] = []
    again = run(tiny.pipeline(models, rate=0.1), said=said)
    assert not said and not any(result.cached for result in again.results.values())
    assert _live(store) == _made(first, "Gather", "Count", "Train", "Judge") | _made(again, "Push")


@pytest.mark.parametrize("stage", ["gather", "train", "push"])
def test_what_a_run_that_goes_on_needs_stays(
    run: Callable[..., Runner],
    tiny: ModuleType,
    models: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
) -> None:
    earlier = run(tiny.pipeline(models, rate=0.1))

    def collect_meanwhile(name: str) -> None:
        if name == stage:
            other = Store(store.root)
            assert _collect(other)
            other.close()

    monkeypatch.setattr(tiny, "_trick", collect_meanwhile)
    monkeypatch.setattr(tiny.GatherConfig.__init__, "__defaults__", ("other words", ""))
    runner = run(tiny.pipeline(models, rate=0.2))
    assert _live(store) >= _made(runner) and not _made(earlier, "Train") & _live(store)


def test_unfinished_work_of_the_last_runs_stays(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store
) -> None:
    with pytest.raises(Stopped):
        run(tiny.pipeline(models), should_stop=lambda: "part1" in tiny.calls())
    assert not _collect(store, keep_runs=1)
    before = tiny.calls()
    run(tiny.pipeline(models))
    assert tiny.calls()[len(before) :] == ["train", "part2", "judge-None", "push"]
    with pytest.raises(Stopped):
        run(tiny.pipeline(models, rate=0.6), should_stop=lambda: tiny.calls()[-1] == "part1")
    run(tiny.pipeline(models))
    (removed,) = _collect(store, keep_runs=1)
    assert "/work/" in removed and not Path(removed).exists()


def test_folders_that_nobody_knows_go(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store
) -> None:
    run(tiny.pipeline(models))
    unknown = store.root / "artifacts" / "Model" / ("0" * 32)
    shutil.copytree(next((store.root / "artifacts" / "Model").iterdir()), unknown)
    assert _collect(store, keep_runs=1) == [str(unknown)]
    assert not unknown.exists()


def test_what_the_memo_was_not_asked_for_lately_goes(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store
) -> None:
    run(tiny.pipeline(models))
    memo = store.root / "memo"
    for name in ("old", "new"):
        Piece(memo, name).once(store.root / f"{name}.json", (store.root / f"{name}.json").touch)
    for path in memo.glob("*.json"):
        os.utime(path, (1e9, 1e9))  # what is taken now may have been written long ago
    os.utime(memo / "old.list", (1e9, 1e9))
    assert _collect(store, keep_runs=1, dry_run=True) == [f"{memo} (parts of former runs: 1)"]
    run(tiny.pipeline(models))  # takes all over from the first one
    assert _collect(store, keep_runs=1) == [f"{memo} (parts of former runs: 1)"]
    assert {path.name for path in memo.iterdir()} == {"new.json", "new.list"}
    _collect(store)
    assert not list(memo.iterdir())


def test_damaged_artifacts_stay_until_they_are_asked_for(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store
) -> None:
    runner = run(tiny.pipeline(models))
    file = folder_of(store, runner.results["Train"].outputs["model"]) / "model.txt"
    file.chmod(0o644)
    file.write_text("x")
    run(tiny.pipeline(models))
    assert not _collect(store, keep_runs=1) and (store.root / "damaged").is_dir()
    assert _collect(store, keep_runs=1, damaged=True) == [str(store.root / "damaged")]
    assert not (store.root / "damaged").exists()


def test_data_from_outside_is_never_touched(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store, tmp_path: Path
) -> None:
    source = tmp_path / "words.txt"
    source.write_text("one two")
    run(change_configs(tiny.pipeline(models), [f"Gather.source={source}", "Train.rate=0.1"]))
    assert len(_collect(store)) == 5
    (left,) = live_artifacts(store)
    assert left.path == str(source) and source.exists()
    with pytest.raises(ValueError, match="isn't an artifact that a stage made"):
        remove(store, left)


def test_a_part_of_a_run_says_what_was_removed(
    run: Callable[..., Runner], tiny: ModuleType, models: Path, store: Store
) -> None:
    run(tiny.pipeline(models, rate=0.1))
    _collect(store)
    pipeline = tiny.pipeline(models, rate=0.1)
    with pytest.raises(InputError, match="Judge needs Train, which this run leaves alone"):
        run(pipeline, Choice(choose_nodes(pipeline, "Judge", "", [])))
