"""How the metadata store does when it has grown; prints one JSON.

  python benchmarks/pipeline_store.py
  python benchmarks/pipeline_store.py --executions=10000

Builds a store of pipelines of ten nodes over the same data, most runs of which take over the first nodes, as
somebody who tries many configs leaves it, through the functions that runs use; then asks it questions. No
files are made beside it. Lineage down from the shared data reaches every execution, and is the worst case.
"""

import hashlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import app, flags

from pipelines.engine.store.ancestry import (
    find_ancestors,
    find_descendants,
    find_executions,
    read_lineage,
)
from pipelines.engine.store.history import approved, complete_executions, last_complete
from pipelines.engine.store.rows import Execution, Run, StoredArtifact, Work
from pipelines.engine.store.store import Store
from pipelines.kinds import BLESSED

_EXECUTIONS = flags.DEFINE_integer("executions", 100_000, "How many executions to store.")
_ROUNDS = flags.DEFINE_integer("rounds", 15, "How often to ask each question.")

# Each node, what it takes and the kind of what it makes.
_NODES = {
    "ExampleGen": ((), "Examples"),
    "StatisticsGen": (("ExampleGen",), "ExampleStatistics"),
    "SchemaGen": (("StatisticsGen",), "Schema"),
    "ExampleValidator": (("StatisticsGen", "SchemaGen"), "ExampleAnomalies"),
    "Transform": (("ExampleGen", "SchemaGen"), "Examples"),
    "Trainer": (("Transform", "SchemaGen"), "Model"),
    "Evaluator": (("Transform", "Trainer"), "ModelBlessing"),
    "Exporter": (("Trainer",), "ServableModel"),
    "InfraValidator": (("Exporter", "Transform"), "InfraBlessing"),
    "Pusher": (("Exporter", "Evaluator", "InfraValidator"), "PushedModel"),
}
_SAME = ("ModelBlessing", "InfraBlessing")  # have equal contents whatever the model
_FIRST = ("ExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "Transform")
_RUNS_PER_DATA = 4  # how many runs share what the first nodes made
_CONFIG = {f"setting{number}": number / 7 for number in range(12)}
_CODE = {"digest": "0" * 64, "libraries": {"keras": "3.15.0", "numpy": "2.4.0", "tensorflow": "2.21.0"}}
_PIPELINES = ("classifier", "fine_tuning", "stylizer")


def main(arguments: list[str]) -> None:
    """Builds, asks and prints."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        began = time.perf_counter()
        # A power cut may cost the store, which doesn't matter here and saves time.
        store.connection.execute("PRAGMA synchronous = OFF")
        count = _build(store)
        seconds = time.perf_counter() - began
        store.connection.execute("PRAGMA synchronous = NORMAL")
        store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        found: dict[str, Any] = {
            "executions": count,
            "build_seconds": round(seconds, 2),
            "file_mb": round(size / 2**20, 1),
            "lineage": _ask_lineage(store),
            "milliseconds": _ask_runs(store),
        }
        store.close()
    print(json.dumps(found, indent=1))


def _build(store: Store) -> int:
    count, run = 0, 0
    shared: dict[str, tuple[StoredArtifact, int]] = {}
    while count < _EXECUTIONS.value:
        pipeline = _PIPELINES[run % len(_PIPELINES)]
        number = store.begin_run(
            pipeline, "python -m pipelines.run", "1", [{"name": name} for name in _NODES]
        )
        made: dict[str, tuple[StoredArtifact, int]] = {}
        for node, (sources, kind) in _NODES.items():
            if run % _RUNS_PER_DATA and node in _FIRST:
                made[node] = shared[node]
                store.use_execution(number, node, made[node][1])
                continue
            made[node] = _execute(store, number, node, [made[source] for source in sources], kind)
            count += 1
        shared = {node: made[node] for node in _FIRST}
        store.end(Run, number, "complete")
        run += 1
    return count


def _execute(
    store: Store, run: int, node: str, taken: list[tuple[StoredArtifact, int]], kind: str
) -> tuple[StoredArtifact, int]:
    inputs = {artifact.kind.lower(): artifact for artifact, _ in taken}
    sources = {artifact.kind.lower(): maker for artifact, maker in taken}
    if not taken:
        path = "/data/pictures"
        inputs["external0"] = store.add_artifact("ExternalData", _digest(path), path, 10**9, {})
    address, number = f"pipelines.stages.{node.lower()}:run", _digest(f"{run} {node}")
    execution = store.begin_execution(run, Work(node, address, number, _CONFIG, _CODE, inputs, sources))
    digest = _digest(kind if kind in _SAME else f"{run} {node} output")
    files = {f"part-{index:05}.bin": (10**6, digest) for index in range(4)}
    artifact = store.add_artifact(kind, digest, f"artifacts/{kind}/{digest[:32]}", 4 * 10**6, files)
    store.complete_execution(execution, {"output": artifact}, {"accuracy": 0.9, "blessed": True})
    return artifact, execution


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _ask_lineage(store: Store) -> dict[str, dict[str, float]]:
    answers = {}
    for name, kind in (("pushed_model", "PushedModel"), ("model", "Model"), ("shared_blessing", _SAME[0])):
        answers[name] = _ask(store, _middle(store, kind))
    answers["examples"] = _ask(store, _middle(store, "Examples"))
    answers["data_of_all"] = _ask(store, _middle(store, "ExternalData"))
    return answers


def _middle(store: Store, kind: str) -> int:
    ids = [row["id"] for row in store.connection.execute("SELECT id FROM artifact WHERE kind=?", (kind,))]
    return int(ids[len(ids) // 2])


def _ask(store: Store, artifact: int) -> dict[str, float]:
    up, down = list[int](), list[int]()

    def ask_up() -> None:
        up[:] = find_ancestors(store, find_executions(store, artifact, "output"))
        read_lineage(store, up[:200])

    def ask_down() -> None:
        down[:] = find_descendants(store, find_executions(store, artifact, "input"))
        read_lineage(store, down[:200])

    seconds = {"up_seconds": _median(ask_up), "down_seconds": _median(ask_down)}
    return {"executions_up": len(up), "executions_down": len(down), **seconds}


def _ask_runs(store: Store) -> dict[str, float]:
    """What a run spends on its store, for each node or once."""
    (last,) = store.connection.execute("SELECT max(id) FROM execution").fetchone()
    execution, artifact = store.read(Execution, last // 2), store.read(StoredArtifact, 2)
    runs = iter([store.begin_run("classifier", "command", "1") for _ in range(3 * _ROUNDS.value)])

    def do() -> None:
        work = Work("Trainer", "m:f", _digest(str(time.time())), _CONFIG, _CODE, {}, {})
        number = store.begin_execution(next(runs), work)
        store.complete_execution(number, {"model": artifact}, {"accuracy": 0.9})

    def look_up() -> None:
        found = complete_executions(store, execution.fingerprint)[0]
        store.events(found.id, "output")
        store.use_execution(next(runs), found.node, found.id)

    questions: dict[str, Callable[[], object]] = {
        "begin_and_complete_execution": do,
        "cached_look_up": look_up,
        "last_complete": lambda: next(last_complete(store, "classifier", "Trainer")),
        "blessed_model": lambda: next(approved(store, "classifier", BLESSED)),
        "no_blessed_model": lambda: list(approved(store, "other", BLESSED)),
        "bury_runs": store.bury_runs,
    }
    return {name: round(1000 * _median(question, 5), 3) for name, question in questions.items()}


def _median(question: Callable[[], object], digits: int = 4) -> float:
    seconds = []
    for _ in range(_ROUNDS.value):
        began = time.perf_counter()
        question()
        seconds.append(time.perf_counter() - began)
    return round(statistics.median(seconds), digits)


if __name__ == "__main__":
    app.run(main)
