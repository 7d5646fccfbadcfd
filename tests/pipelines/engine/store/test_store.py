"""The metadata store: what was written is read, whole or not at all, beside others who write."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nst_keras.errors import InputError
from nst_keras.storage import files
from pipelines.engine.store.database import FILE_NAME, transaction
from pipelines.engine.store.history import approved, complete_executions, last_complete
from pipelines.engine.store.rows import TABLES, Execution, Run, StoredArtifact, Work
from pipelines.engine.store.store import Store
from pipelines.kinds import BLESSED

CODE = {"digest": "c0de", "libraries": {"numpy": "2.1"}}


@pytest.fixture
def begin(store: Store) -> Callable[..., int]:
    """Begins an execution of run 1."""
    store.begin_run("words", "command", "1")

    def begin(node: str = "Train", fingerprint: str = "f", run: int = 1, **inputs: StoredArtifact) -> int:
        return store.begin_execution(run, Work(node, "m:f", fingerprint, {"rate": 0.5}, CODE, inputs, {}))

    return begin


def _artifact(store: Store, digest: str = "d" * 64, kind: str = "Model") -> StoredArtifact:
    path = f"artifacts/{kind}/{digest[:32]}"
    return store.add_artifact(kind, digest, path, 3, {"model.txt": (3, "e" * 64)})


def test_what_was_written_is_read(store: Store, begin: Callable[..., int]) -> None:
    examples, model = _artifact(store, kind="Examples"), _artifact(store)
    number = begin(examples=examples)
    assert store.read(Execution, number).state == "running"
    store.complete_execution(number, {"model": model}, {"loss": 0.25})
    store.end(Run, 1, "complete")
    other = Store(store.root, create=False)
    try:
        execution, run = other.read(Execution, number), other.read(Run, 1)
        assert (execution.state, execution.config, execution.code) == ("complete", {"rate": 0.5}, CODE)
        assert (execution.record, execution.error) == ({"loss": 0.25}, None)
        assert execution.ended and execution.started <= execution.ended
        assert (run.pipeline, run.command, run.state) == ("words", "command", "complete")
        assert other.events(number, "input") == {"examples": examples}
        assert other.events(number, "output") == {"model": model}
        assert other.read(StoredArtifact, model.id).files == {"model.txt": [3, "e" * 64]}
        assert other.run_executions(1) == {"Train": (execution, False)}
    finally:
        other.close()


def test_equal_contents_are_one_artifact(store: Store) -> None:
    first = _artifact(store)
    store.set_artifact_state(first.id, "lost")
    assert store.read(StoredArtifact, first.id).state == "lost"
    assert _artifact(store) == first
    assert _artifact(store, kind="Examples").id != first.id


def test_only_complete_executions_count(store: Store, begin: Callable[..., int]) -> None:
    for number in range(5):
        store.begin_run("words", "command", "1") if number else None
        execution = begin(run=store.connection.execute("SELECT max(id) FROM run").fetchone()[0])
        if number < 3:
            store.complete_execution(execution, {}, {})
        elif number == 3:
            store.end(Execution, execution, "failed", "a reason")
    assert [each.id for each in complete_executions(store, "f")] == [3, 2, 1]
    assert [each.id for each in last_complete(store, "words", "Train")] == [3, 2, 1]
    assert not [*last_complete(store, "words", "Push"), *last_complete(store, "other", "Train")]


def test_a_failed_transaction_leaves_nothing(store: Store, begin: Callable[..., int]) -> None:
    number = begin()
    with pytest.raises(TypeError):
        store.complete_execution(number, {"model": _artifact(store)}, {"loss": object()})
    assert store.read(Execution, number).state == "running" and not store.events(number, "output")
    store.complete_execution(number, {}, {})


def test_a_run_takes_over_only_what_is_there(store: Store, begin: Callable[..., int]) -> None:
    model, number = _artifact(store), begin()
    store.complete_execution(number, {"model": model}, {})
    second, third = (store.begin_run("words", "command", "1") for _ in range(2))
    assert store.use_execution(second, "Train", number)
    store.set_artifact_state(model.id, "collected")
    assert not store.use_execution(third, "Train", number)
    assert [cached for _, cached in store.run_executions(second).values()] == [True]
    assert not store.run_executions(third)


def test_runs_of_dead_processes_are_buried(store: Store, begin: Callable[..., int]) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    number, alive = begin(), store.begin_run("words", "command", "1")
    elsewhere = store.begin_run("words", "command", "1")
    store.connection.execute("UPDATE run SET pid=? WHERE id != ?", (process.pid, alive))
    store.connection.execute("UPDATE run SET host='elsewhere' WHERE id=?", (elsewhere,))
    store.bury_runs()
    assert [store.read(Run, each).state for each in (1, alive, elsewhere)] == ["killed", "running", "running"]
    assert store.read(Execution, number).state == "killed"


def test_approved_artifacts_come_last_first(
    store: Store, begin: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.engine.store.history._AT_ONCE", 1)
    models = [_artifact(store, digest * 64) for digest in "abcd"]
    for number, (model, blessed) in enumerate(zip(models, (True, False, True, True), strict=True), start=1):
        run = store.begin_run("words", "command", "1") if number > 1 else 1
        execution = begin("Judge", f"f{number}", run, model=model)
        store.complete_execution(execution, {}, {"blessed": blessed})
    store.set_artifact_state(models[3].id, "lost")
    assert [model.digest[0] for model, _ in approved(store, "words", BLESSED)] == ["c", "a"]
    assert not list(approved(store, "other", BLESSED))


def test_files_are_read_again_only_if_they_have_changed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(b"one")
    monkeypatch.setattr(files, "_COARSEST_CLOCK_NS", 0)  # as if some time had gone by
    first = store.digest(path)
    with monkeypatch.context() as patched:
        patched.setattr(
            "pipelines.engine.store.store.file_digest", lambda path: pytest.fail("was read again")
        )
        assert store.digest(path) == first
    path.write_bytes(b"two")
    os.utime(path, (1, 1))
    second = store.digest(path)
    assert second != first
    store.connection.execute("UPDATE file_digest SET digest='wrong'")
    assert (store.digest(path), store.digest(path, anew=True)) == ("wrong", second)


def test_what_is_no_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"empty: holds no metadata.sqlite; a pipeline root was expected"):
        Store(tmp_path / "empty", create=False)
    assert not (tmp_path / "empty").exists()
    (tmp_path / FILE_NAME).write_text("no database, " * 100)
    with pytest.raises(InputError, match=r"metadata.sqlite: cannot be used as metadata store: file is not a"):
        Store(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file: cannot be used as pipeline root"):
        Store(tmp_path / "file")


def test_a_root_of_the_layout_before_goes_on(store: Store, tmp_path: Path) -> None:
    run = store.begin_run("words", "command", "1")
    store.connection.execute("DROP TABLE file_digest")
    store.connection.execute("CREATE TABLE file_digest (path TEXT PRIMARY KEY, size, mtime_ns, digest)")
    store.connection.execute("PRAGMA user_version = 2")
    newer = Store(store.root)
    assert newer.read(Run, run).command == "command"
    (tmp_path / "data").write_bytes(b"one")
    assert len(newer.digest(tmp_path / "data")) == 64
    newer.close()


def test_another_layout_is_refused(store: Store) -> None:
    store.connection.execute("PRAGMA user_version = 99")
    with pytest.raises(InputError, match="has layout 99, but this version reads"):
        Store(store.root)


@pytest.mark.parametrize("kind", [Run, StoredArtifact, Execution])
def test_unknown_numbers_are_told(store: Store, kind: type[Run | StoredArtifact | Execution]) -> None:
    with pytest.raises(InputError, match=f"root: has no {TABLES[kind]} 7"):
        store.read(kind, 7)


def test_many_may_open_and_write_at_the_same_time(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from pipelines.engine.store.rows import Work; from pipelines.engine.store.store import Store\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for number in range(20):\n"
        "    run = store.begin_run('words', 'command', '1')\n"
        "    store.begin_execution(run, Work('Train', 'm:f', sys.argv[2], {}, {}, {}, {}))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[4])}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "root"), f"f{number}"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for process in processes:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate()[1] for process in processes]
    assert not any(errors), errors
    store = Store(tmp_path / "root", create=False)
    (count,) = store.connection.execute("SELECT count(*) FROM execution").fetchone()
    store.close()
    assert count == 80


def test_readers_do_not_wait_for_a_writer(store: Store) -> None:
    reader = sqlite3.connect(store.root / FILE_NAME, timeout=0.0)
    try:
        with transaction(store.connection):
            store.connection.execute("UPDATE run SET state='x'")
            assert reader.execute("SELECT count(*) FROM run").fetchone() == (0,)
    finally:
        reader.close()


def test_names_may_hold_anything(store: Store) -> None:
    number = store.begin_run("wörds'; --", "command '\" ü", "1", [{"name": "Ä", "stage": "B", "inputs": {}}])
    assert store.read(Run, number).pipeline == "wörds'; --"
    assert json.dumps(store.read(Run, number).nodes) == '[{"name": "\\u00c4", "stage": "B", "inputs": {}}]'
