"""A training shared by several fresh processes of this machine, and the program that each of them runs.

    TF_CONFIG=… python -m pipelines.training.workers TASK.json

A worker reads "stop" from its standard input, and ends when that is closed, so that none outlives the stage.
"""

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_keras.classifiers.settings import ClassificationSettings
from nst_keras.errors import InputError
from nst_keras.storage.files import write_whole
from pipelines.engine.stage import Context, Stopped
from pipelines.examples.files import naming_damage, read_dataset
from pipelines.kinds import Examples
from pipelines.training.folder import plan_training

_ATTEMPTS = 2  # a lost worker is forgiven once
_REFUSED, _STOPPED, _ORPHANED = 3, 4, 5  # exit codes, besides 0
_POLL_SECONDS, _STOP_SECONDS, _SHOW_SECONDS = 0.1, 60, 0.2


@dataclass(frozen=True)
class WorkerTask:
    """What all workers are told."""

    examples: str  # the artifact's folder
    folder: str  # where checkpoint, model and report go
    settings: dict[str, Any]  # fields of `ClassificationSettings`


def train_with_workers(task: WorkerTask, count: int, context: Context) -> None:
    """Trains with `MultiWorkerMirroredStrategy` over fresh processes, into the task's folder.

    When a worker is lost, all of them start again, once, from the last checkpoint.
    """
    path = context.scratch / "workers.json"
    write_whole(path, json.dumps(dataclasses.asdict(task)).encode())
    for attempt in range(_ATTEMPTS):
        workers = _Workers(path, count, context)
        try:
            lost = workers.run()
        finally:
            workers.close()
        if not lost:
            return
        if attempt + 1 < _ATTEMPTS:
            context.say(f"{lost}; all start again from the last checkpoint")
    raise InputError(
        f"Trainer: {lost}, in {_ATTEMPTS} attempts; another run goes on from the last checkpoint"
    )


class _Workers:
    """The processes; the first one, the chief, is the one that writes and shows."""

    def __init__(self, task: Path, count: int, context: Context) -> None:
        self._context, self._line = context, ""
        self._logs = [context.scratch / f"worker{index}.log" for index in range(count)]
        addresses = [f"127.0.0.1:{port}" for port in _free_ports(count)]
        self._processes = [self._start(task, addresses, index) for index in range(count)]
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _start(self, task: Path, addresses: Sequence[str], index: int) -> subprocess.Popen[str]:
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        root = str(Path(__file__).parents[2])
        paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        own = {"TF_CONFIG": json.dumps(config), "PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": _device(index)}
        with self._logs[index].open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "pipelines.training.workers", str(task)],
                env=os.environ | own,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if index == 0 else log,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C is for the stage, which tells the chief
            )

    def _read(self) -> None:
        for line in self._processes[0].stdout or ():
            self._line = line.rstrip()

    def run(self) -> str:
        """Waits for the end; returns what was lost, or nothing if all is done."""
        chief = self._processes[0]
        while chief.poll() != 0:
            for index, process in enumerate(self._processes):
                code = process.poll()
                if code == _REFUSED:
                    raise InputError(self._last_words(index))
                if code not in (None, 0):
                    return f"worker {index} was lost ({self._last_words(index)})"
            if self._context.should_stop():
                self._stop(chief)
                break
            if self._line:
                self._context.show(self._line)
            time.sleep(_POLL_SECONDS)
        return ""

    def _stop(self, chief: subprocess.Popen[str]) -> None:
        """Lets the chief write a checkpoint; the others wait for its next step, which never comes."""
        if chief.stdin:
            chief.stdin.write("stop\n")
            chief.stdin.flush()
        with contextlib.suppress(subprocess.TimeoutExpired):
            if chief.wait(_STOP_SECONDS) == 0:
                return
        raise Stopped("goes on from the last checkpoint")

    def close(self) -> None:
        """Ends all processes."""
        for process in self._processes:
            process.kill()
            process.wait()
        self._reader.join()
        for process in self._processes:
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()

    def _last_words(self, index: int) -> str:
        lines = self._logs[index].read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:  # all are open at once, so that they differ
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]


def _device(index: int) -> str:
    """The GPU of a worker, if there are any: each gets one."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return visible[index] if index < len(visible) and visible[index] else str(index)


def main() -> None:
    """Trains as one of several workers; ends the process."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    task = WorkerTask(**json.loads(Path(sys.argv[1]).read_text()))
    stop = threading.Event()
    threading.Thread(target=_listen, args=[stop], daemon=True).start()
    try:
        finished = _train(task, stop)
    except InputError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(_REFUSED)  # the others may be waiting, and TensorFlow would wait for them
    if not finished:
        os._exit(_STOPPED)


def _train(task: WorkerTask, stop: threading.Event) -> bool:
    from nst_keras.classifiers.job import Training
    from nst_keras.runs.distribution import make_strategy
    from nst_keras.runs.loop import Watcher

    strategy = make_strategy("multi_worker")  # before anything else of TensorFlow is used
    examples, plan = Examples(Path(task.examples)), plan_training(Path(task.folder))
    with naming_damage(examples):
        training = Training(ClassificationSettings(**task.settings), plan, strategy, read_dataset(examples))
    shown = 0.0

    def show(progress: object) -> None:
        nonlocal shown
        if training.is_chief and time.monotonic() - shown > _SHOW_SECONDS:
            print(progress, flush=True)
            shown = time.monotonic()

    return training.run(Watcher(show, should_stop=stop.is_set)).report is not None


def _listen(stop: threading.Event) -> None:
    # Not sys.stdin: a thread that waits for it keeps Python from ending.
    while os.read(0, 64):
        stop.set()
    os._exit(_ORPHANED)


if __name__ == "__main__":
    main()
