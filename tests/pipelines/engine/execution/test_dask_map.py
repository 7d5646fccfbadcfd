"""Dask: the same results in the same order as here, though workers die."""

import contextlib
import importlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nst_keras.errors import InputError
from pipelines.engine.stage import map_here

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
# Sockets of workers that died are closed by the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

from pipelines.engine.execution import dask_map as dask_map_module  # noqa: E402
from pipelines.engine.execution.dask_map import _code, dask_map  # noqa: E402

# Workers import the tasks' functions by name, as they do those of stages.
_TASKS = """
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from nst_keras.errors import InputError
from nst_keras.storage.files import write_whole


@dataclass(frozen=True)
class Task:
    folder: Path
    number: int
    seconds: float = 0.0


def write(task):
    path = task.folder / f"{task.number:03}.txt"
    with (task.folder / "calls.log").open("a") as log:
        log.write(f"{task.number} {os.getpid()}\\n")
    time.sleep(task.seconds)
    if not path.exists():
        write_whole(path, bytes([task.number]) * 100_000)
    return task.number * 2


def refuse(task):
    if task.number == 3:
        raise InputError(f"{task.folder}: refused")
    return task.number


def run_out_of_time(task):
    raise TimeoutError(f"task {task.number} took too long")


class SlowToSend:
    # Takes long to fetch, but only the first time, as a result of a worker that is gone.

    def __init__(self, task):
        self.task = task

    def __reduce__(self):
        flag = self.task.folder / "fetched"
        if not flag.exists():
            flag.touch()
            time.sleep(self.task.seconds)
        return int, (self.task.number,)


def be_slow_to_send(task):
    return SlowToSend(task)


def die(task):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@dataclass
class Cluster:
    """A scheduler and two workers, each a process of its own."""

    address: str
    scheduler: subprocess.Popen
    workers: list[subprocess.Popen]


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of the tasks' functions, where workers find it too."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / f"{tmp_path.name}.py").write_text(_TASKS)  # named after the test
    monkeypatch.syspath_prepend(tmp_path / "code")
    yield importlib.import_module(tmp_path.name)
    sys.modules.pop(tmp_path.name)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Starts clusters as a user does by hand."""
    running: list[subprocess.Popen] = []
    root = Path(__file__).parents[4]
    environment = os.environ | {
        "PYTHONPATH": f"{root}:{tmp_path / 'code'}",
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3",
    }

    def run(name: str, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.{name}", *arguments, "--host", "127.0.0.1"]
        log = (tmp_path / f"{name}{len(running)}.log").open("w")
        with log:
            process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, cwd=tmp_path, start_new_session=True
            )
        running.append(process)
        return process

    def begin(workers: int = 2) -> Cluster:
        scheduler = run("dask_scheduler", "--port", "0", "--no-dashboard")
        address = _wait_for(tmp_path / "dask_scheduler0.log", r"Scheduler at:\s+(tcp://\S+)")
        options = (
            address,
            "--nthreads",
            "1",
            "--no-dashboard",
            "--no-nanny",
            "--local-directory",
            str(tmp_path),
        )
        started = [run("dask_worker", *options) for _ in range(workers)]
        for number in range(workers):
            _wait_for(tmp_path / f"dask_worker{number + 1}.log", r"(Registered to)")
        return Cluster(address, scheduler, started)

    yield begin
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(log: Path, pattern: str) -> str:
    deadline = time.monotonic() + 120  # the machine may be busy
    while time.monotonic() < deadline:
        found = re.search(pattern, log.read_text())
        if found:
            return found[1]
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def _check_files(folder: Path, count: int) -> None:
    # A worker that is killed while it writes leaves a hidden file, which nobody takes for one of the results.
    files = {path.name: path.read_bytes() for path in folder.glob("[!.]*") if path.name != "calls.log"}
    assert files == {f"{number:03}.txt": bytes([number]) * 100_000 for number in range(count)}


def _calls(folder: Path) -> list[tuple[int, int]]:
    lines = (folder / "calls.log").read_text().splitlines()
    return [(int(number), int(pid)) for number, pid in (line.split() for line in lines)]


def test_the_embedded_cluster_does_what_this_process_does(tasks: Any, tmp_path: Path) -> None:
    work = [tasks.Task(tmp_path / "out", number) for number in range(40)]
    (tmp_path / "out").mkdir()
    with dask_map("") as mapping:
        assert list(mapping(tasks.write, work)) == list(map_here(tasks.write, work))
        assert list(mapping(tasks.write, [])) == []
        with pytest.raises(InputError, match=r"out: refused$"):
            list(mapping(tasks.refuse, work))
    _check_files(tmp_path / "out", 40)
    assert {pid for _, pid in _calls(tmp_path / "out")} == {os.getpid()}


def test_tasks_are_taken_as_they_are_needed_and_those_left_are_cancelled(tasks: Any, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    taken = []

    def endless() -> Iterator[Any]:
        number = 0
        while True:
            taken.append(number)
            yield tasks.Task(tmp_path / "out", number % 200, 0.01)
            number += 1

    with dask_map("") as mapping:
        results = mapping(tasks.write, endless())
        assert [next(results) for _ in range(30)] == [2 * number for number in range(30)]
        assert len(taken) < 60
        results.close()
    assert len(_calls(tmp_path / "out")) < 60


def test_a_worker_killed_in_the_middle(tasks: Any, start: Callable, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    cluster = start()
    work = [tasks.Task(out, number, 0.03) for number in range(60)]
    with dask_map(cluster.address) as mapping:
        results = mapping(tasks.write, work)
        found = [next(results) for _ in range(10)]
        os.kill(cluster.workers[0].pid, signal.SIGKILL)
        found += list(results)
    assert found == [2 * number for number in range(60)]
    _check_files(out, 60)
    assert len({pid for _, pid in _calls(out)}) == 2


def test_a_worker_killed_that_holds_a_finished_result(tasks: Any, start: Callable, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    cluster = start()
    # The first takes so long that the other worker finishes the rest, whose results nobody has fetched yet.
    work = [tasks.Task(out, number, 2.0 if number == 0 else 0.0) for number in range(12)]
    with dask_map(cluster.address) as mapping:
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.extend(mapping(tasks.write, work)))
        thread.start()
        deadline = time.monotonic() + 20
        while len(list(out.glob("*.txt"))) < 11 and time.monotonic() < deadline:
            time.sleep(0.02)
        holder = next(pid for number, pid in _calls(out) if number == 11)
        written = {path: path.stat().st_mtime_ns for path in out.glob("*.txt")}
        os.kill(holder, signal.SIGKILL)
        thread.join()
    assert found == [2 * number for number in range(12)]
    _check_files(out, 12)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert len(_calls(out)) > 12, "no task had to run again"


def test_a_finished_result_that_takes_longer_than_our_patience(
    tasks: Any, start: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_map_module, "_PATIENCE_SECONDS", 0.2)
    with dask_map(start(1).address) as mapping:
        assert list(mapping(tasks.be_slow_to_send, [tasks.Task(tmp_path, 7, 2.0)])) == [7]
        assert (tmp_path / "fetched").exists()
        with pytest.raises(TimeoutError, match="task 7 took too long"):
            list(mapping(tasks.run_out_of_time, [tasks.Task(tmp_path, 7)]))


def test_what_goes_wrong_is_told(tasks: Any, start: Callable, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    cluster = start()
    work = [tasks.Task(tmp_path / "out", number) for number in range(8)]
    with dask_map(cluster.address) as mapping:
        with pytest.raises(InputError, match=r"out: refused$"):
            list(mapping(tasks.refuse, work))
        source = tmp_path / "code" / f"{tmp_path.name}.py"
        source.write_text(_TASKS.replace("* 2", "* 3"))
        _code.cache_clear()  # as in a process that starts after the change
        with pytest.raises(InputError, match=r"the Dask worker has other code.*restart the workers"):
            list(mapping(tasks.write, work))


def test_a_task_that_kills_every_worker_is_given_up(tasks: Any, start: Callable, tmp_path: Path) -> None:
    cluster = start(4)
    with (
        dask_map(cluster.address) as mapping,
        pytest.raises(InputError, match=r"4 workers died at the same task"),
    ):
        list(mapping(tasks.die, [tasks.Task(tmp_path, 0)]))


@pytest.mark.large
def test_a_scheduler_that_is_lost_or_was_never_there(tasks: Any, start: Callable, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(InputError, match=rf"Received: dask_scheduler={nobody}"), dask_map(nobody):
        pass
    with pytest.raises(InputError, match=r"Received: dask_scheduler=nonsense://x"), dask_map("nonsense://x"):
        pass
    (tmp_path / "out").mkdir()
    cluster = start(1)
    with dask_map(cluster.address) as mapping:
        results = mapping(tasks.write, [tasks.Task(tmp_path / "out", number, 0.2) for number in range(50)])
        next(results)
        os.kill(cluster.scheduler.pid, signal.SIGKILL)
        with pytest.raises(InputError, match=r"the scheduler was lost"):
            list(results)


@pytest.mark.large
def test_bulk_inference_with_a_worker_killed(start: Callable, tmp_path: Path, photo: Any) -> None:
    import keras
    import numpy as np

    from nst_keras.classifiers.served import export_classifier
    from nst_keras.pictures.images import encode_image
    from pipelines.engine.stage import Context
    from pipelines.examples.files import Example, ExampleInfo, shard_name, write_info, write_shard
    from pipelines.judging.verdicts import Pushed, write_pushed
    from pipelines.kinds import Examples, InferenceResult, PushedModel
    from pipelines.stages.bulk_inferrer import BulkInferrerConfig, infer

    for name in ("examples", "pushed", "here", "there"):
        (tmp_path / name).mkdir()
    inputs = keras.Input((32, 32, 3))
    hidden = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    logits = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(hidden))
    export_classifier(
        keras.Model(inputs, logits), tmp_path / "tiny" / "1", class_names=("a", "b"), image_size=(32, 32)
    )
    write_pushed(PushedModel(tmp_path / "pushed"), Pushed("tiny", 1, str(tmp_path / "tiny" / "1"), "none"))
    random = np.random.default_rng(0)
    for shard in range(20):
        found = []
        for number in range(2):
            row, column = random.integers(0, 20, 2)
            found.append(
                Example(f"{shard}-{number}", encode_image(photo[row:, column:][:48, :48], ".png"), None)
            )
        write_shard(tmp_path / "examples" / shard_name("photos", shard, 20), found)
    write_info(tmp_path / "examples", ExampleInfo("photos", (), None, {"photos": (2,) * 20}))
    given: dict[str, Any] = {
        "examples": Examples(tmp_path / "examples"),
        "model": PushedModel(tmp_path / "pushed"),
    }
    here, there = InferenceResult(tmp_path / "here"), InferenceResult(tmp_path / "there")
    counts = infer(BulkInferrerConfig(), Context(tmp_path / "s-here"), **given, inference_result=here)
    assert counts == {"pictures": 40, "errors": 0, "shards": 20}
    cluster = start()
    shown: list[str] = []

    def show(line: str) -> None:
        shown.append(line)
        if len(shown) == 3:
            os.kill(cluster.workers[1].pid, signal.SIGKILL)

    with dask_map(cluster.address) as mapping:
        context = Context(tmp_path / "s-there", mapping, show=show)
        assert infer(BulkInferrerConfig(), context, **given, inference_result=there) == counts
    made = [{path.name: path.read_bytes() for path in result.path.iterdir()} for result in (here, there)]
    assert made[0] == made[1]


@pytest.mark.large
def test_a_pipeline_makes_the_same_artifacts_on_a_cluster(start: Callable, tmp_path: Path) -> None:
    from pipelines.engine.execution.runner import Runner
    from pipelines.engine.stage import Pipeline
    from pipelines.engine.store.store import Store
    from pipelines.kinds import latest_blessed
    from pipelines.stages.evaluator import Evaluator, EvaluatorConfig
    from pipelines.stages.example_gen import ExampleGen, ExampleGenConfig
    from pipelines.stages.statistics_gen import StatisticsGen, StatisticsGenConfig
    from pipelines.stages.trainer import Trainer, TrainerConfig

    examples = ExampleGen(ExampleGenConfig(dataset="digits"))
    given = {"examples": examples["examples"]}
    statistics = StatisticsGen(StatisticsGenConfig(), **given)
    trainer = Trainer(TrainerConfig.of("mlp", "digits", epochs=2), **given)
    baseline = latest_blessed(trainer["model"])
    evaluator = Evaluator(EvaluatorConfig(), **given, model=trainer["model"], baseline=baseline)
    pipeline = Pipeline("small", (examples, statistics, trainer, evaluator))

    def digests(name: str, mapping: Any) -> dict[tuple[str, str], str]:
        store = Store(tmp_path / name)
        runner = Runner(pipeline, store, map=mapping)
        runner.run("test", "0")
        store.close()
        return {
            (node, output): artifact.digest
            for node, result in runner.results.items()
            for output, artifact in result.outputs.items()
        }

    with dask_map(start().address) as mapping:
        there = digests("there", mapping)
    here = digests("here", map_here)
    data = [key for key in here if key[0] in ("ExampleGen", "StatisticsGen")]
    assert len(data) >= 2 and there.keys() == here.keys()
    assert {key: there[key] for key in data} == {key: here[key] for key in data}
