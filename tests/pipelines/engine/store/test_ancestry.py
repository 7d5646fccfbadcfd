"""Lineage: everything that something was made from, and nothing else."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pipelines.engine.choices import change_configs
from pipelines.engine.execution.runner import Runner
from pipelines.engine.store.ancestry import (
    find_ancestors,
    find_artifacts,
    find_descendants,
    find_executions,
    read_lineage,
)
from pipelines.engine.store.rows import Execution, StoredArtifact
from pipelines.engine.store.store import Store


@pytest.fixture
def runs(run: Callable[..., Runner], tiny: ModuleType, tmp_path: Path) -> list[Runner]:
    """Two models from the same words, with blessings that have equal contents."""
    models = tmp_path / "models"
    return [run(tiny.pipeline(models, rate=rate)) for rate in (0.5, 0.7)]


def _execution(runner: Runner, node: str) -> int:
    return runner.results[node].execution


def test_ancestors_are_those_of_this_model_alone(store: Store, runs: list[Runner]) -> None:
    first, second = runs
    blessings = [runner.results["Judge"].outputs["blessing"].id for runner in runs]
    assert blessings[0] == blessings[1]
    (pushed,) = find_executions(store, first.results["Push"].outputs["pushed"].id, "output")
    nodes = ("Push", "Judge", "Train", "Gather")
    assert find_ancestors(store, [pushed]) == [_execution(first, node) for node in nodes]
    # The second was judged against the first.
    expected = {_execution(second, node) for node in nodes} | {_execution(first, "Train")}
    assert set(find_ancestors(store, [_execution(second, "Push")])) == expected
    assert find_executions(store, blessings[0], "output") == [
        _execution(each, "Judge") for each in reversed(runs)
    ]


def test_descendants_come_after_what_they_took(store: Store, runs: list[Runner]) -> None:
    first, second = runs
    model = first.results["Train"].outputs["model"].id
    found = find_descendants(store, find_executions(store, model, "input"))
    assert found == sorted(found)
    assert set(found) == {
        *(_execution(first, node) for node in ("Judge", "Push")),
        *(_execution(second, node) for node in ("Judge", "Push")),
    }
    blessed = find_descendants(store, [_execution(first, "Judge")])
    assert blessed == [_execution(first, "Judge"), _execution(first, "Push")]


def test_inputs_hold_data_from_outside(
    store: Store, run: Callable[..., Runner], tiny: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "words.txt").write_text("one two")
    pipeline = change_configs(tiny.pipeline(tmp_path / "models"), [f"Gather.source={tmp_path}/words.txt"])
    runner = run(pipeline)
    ancestors = find_ancestors(store, [_execution(runner, "Push")])
    kinds = sorted(
        store.read(StoredArtifact, number).kind for number in find_artifacts(store, ancestors, "input")
    )
    assert kinds == ["Examples", "ExternalData", "Model", "ModelBlessing"]


def test_all_about_executions_is_read(store: Store, runs: list[Runner]) -> None:
    runner = runs[0]
    trained, judged = _execution(runner, "Train"), _execution(runner, "Judge")
    lineage = read_lineage(store, [judged, trained])
    assert lineage.executions == {number: store.read(Execution, number) for number in (trained, judged)}
    (model,) = lineage.outputs[trained].values()
    taken = lineage.inputs[judged]["model"]
    assert (taken.artifact, taken.source) == (model, trained)
    assert lineage.artifacts[model] == store.read(StoredArtifact, model)
    assert lineage.inputs[trained]["examples"].source == _execution(runner, "Gather")
    assert not read_lineage(store, []).executions


def test_what_a_run_took_over_has_its_first_makers(
    store: Store, run: Callable[..., Runner], tiny: ModuleType, runs: list[Runner], tmp_path: Path
) -> None:
    pipeline = change_configs(tiny.pipeline(tmp_path / "models"), ["Push.name=again"])
    again = run(pipeline)
    nodes = ("Judge", "Train", "Gather")
    ancestors = find_ancestors(store, [_execution(again, "Push")])
    assert {_execution(runs[0], node) for node in nodes[1:]} <= set(ancestors)
    assert {_execution(again, node) for node in nodes} <= set(ancestors)
