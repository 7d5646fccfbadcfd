"""Processes that compute a request each: one that takes too long, or too much memory, is ended and replaced.

So no request can end the server, and those that others wait for are lost at no time.
"""

import itertools
import logging
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from nst_keras.errors import InputError
from nst_keras.serving.protocol.signatures import Signature, read_signatures
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.serving.server.compute.answers import Job
from nst_keras.serving.server.compute.definitions import read_definitions
from nst_keras.serving.server.settings import ServerSettings

if TYPE_CHECKING:
    from nst_keras.serving.protocol.protos import meta_graph_pb2

_LOOK_SECONDS = 0.1  # between looks at a worker's time and memory
_MOST_LOAD_SECONDS = 600  # for a model and its warm-up; what takes longer hangs
_TRIES = 2  # of a request whose worker is ended by somebody else
_LEAST_GROWTH = 256 << 20  # bytes that a request may take even if its worker has its share already
_PROGRAM = "from nst_keras.serving.server.compute.worker import work; work()"
_MOST_END_SECONDS = 5  # between a worker's hanging up and its end, which says why
_MIB = 1 << 20

_log = logging.getLogger(__name__)


class WorkerEnded(Exception):
    """A worker that isn't there any more."""


class WorkerCrashed(WorkerEnded):
    """One that ended by what it computed."""


class Worker:
    """One process, with the models of some folders."""

    def __init__(self, settings: ServerSettings, share: int) -> None:
        self._settings, self._share = settings, share
        self._jobs, jobs = Pipe()
        self._orders, orders = Pipe()
        pipes = jobs.fileno(), orders.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM, *map(str, pipes)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            pass_fds=pipes,
            stdin=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C is for the server; a session of its own would get less of busy cores
        )
        jobs.close()
        orders.close()
        self._orders.send(settings)
        self._ordering, self._is_ordered = threading.Lock(), False
        self._process_info = psutil.Process(self.pid)
        self._num_kills = _count_kills_for_memory()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def order(self, number: int, folder: Path | None) -> None:
        """Loads a model by a number, or without a folder unloads it; InputError says why it can't."""
        with self._ordering:
            self._is_ordered = True
            try:
                self._orders.send((number, folder))
                if not self._orders.poll(_MOST_LOAD_SECONDS):
                    self.end()
                    raise WorkerEnded
                code, value = self._orders.recv()
            except (EOFError, OSError) as error:
                raise WorkerEnded from error
            self._is_ordered = False
        if code != "OK":
            raise InputError(value)

    def ask(self, number: int, job: Job) -> bytes:
        """Answers a job; past the limits of time and memory the process is ended."""
        began, seconds = time.monotonic(), self._settings.compute_timeout
        memory = self._memory()
        limit = max(self._share, memory + _LEAST_GROWTH)
        if self._settings.request_memory_mb:
            limit = min(limit, memory + self._settings.request_memory_mb * _MIB)
        too_much = ServingError(
            "RESOURCE_EXHAUSTED", f"it needs more memory than {(limit - memory) // _MIB} MiB"
        )
        is_sent = False
        try:
            self._jobs.send((number, job))
            is_sent = True
            while not self._jobs.poll(_LOOK_SECONDS):
                if time.monotonic() - began > seconds:
                    self.end()
                    raise ServingError("DEADLINE_EXCEEDED", f"it took longer than {seconds:g} s to compute")
                if self._memory() > limit:
                    self.end()
                    raise too_much
            code, value = self._jobs.recv()
        except (EOFError, OSError) as error:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_MOST_END_SECONDS)
            self.end()
            if not is_sent or self._is_ordered:  # it may have been a model that was being loaded
                raise WorkerEnded from error
            if self._process.returncode != -signal.SIGKILL:
                raise WorkerCrashed from error
            raise (too_much if _count_kills_for_memory() > self._num_kills else WorkerEnded()) from error
        if code != "OK":
            raise ServingError(code, value)
        return bytes(value)

    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def end(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        self._jobs.close()
        self._orders.close()

    def _memory(self) -> int:
        try:
            return int(self._process_info.memory_info().rss)
        except psutil.Error:
            return 0


class Workers:
    """As many processes as the settings say, and the models that all of them have loaded."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._share = _share_of_memory(settings.num_workers)
        self._models: dict[int, Path] = {}
        self._numbers = itertools.count()
        self._changing = threading.Lock()  # models and workers
        self._workers = {Worker(settings, self._share) for _ in range(settings.num_workers)}
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self._closed = False
        for worker in self._workers:
            self._idle.put(worker)

    def pids(self) -> list[int]:
        """The processes' numbers."""
        return [worker.pid for worker in self._workers if worker.is_alive()]

    def load(self, folder: Path) -> "RemoteModel":
        """Loads a model everywhere; raises InputError if that can't be done."""
        with self._changing:
            began = time.monotonic()
            definitions = read_definitions(folder)
            number = next(self._numbers)
            outcomes = self._everywhere(number, folder)
            problem = next((outcome for outcome in outcomes if isinstance(outcome, InputError)), None)
            if problem is None and outcomes and None not in outcomes:
                problem = InputError(f"{folder}: the process that loads it ends, or hangs")
            if problem:
                self._everywhere(number, None)
                raise problem
            self._models[number] = folder
            return RemoteModel(self, number, definitions, time.monotonic() - began)

    def unload(self, number: int) -> None:
        """Forgets a model."""
        with self._changing:
            if not self._closed and number in self._models:
                del self._models[number]
                self._everywhere(number, None)

    def ask(self, number: int, job: Job, deadline: float, is_wanted: Callable[[], bool]) -> bytes:
        """Answers a job when a worker is free, until a moment of the monotonic clock."""
        for _ in range(_TRIES):
            worker = self._get_idle(deadline)
            try:
                if not is_wanted():
                    raise ServingError("CANCELLED", "the client has gone")
                return worker.ask(number, job)
            except WorkerCrashed as error:
                _log.error("%s/%d: a request ended the worker %d", job.name, job.version, worker.pid)
                raise ServingError("INTERNAL", "the process that computes it crashed") from error
            except WorkerEnded:
                _log.warning("%s/%d: the worker %d was ended", job.name, job.version, worker.pid)
            finally:
                self._give_back(worker)
        raise ServingError("INTERNAL", "the process that computes it was ended, twice")

    def _get_idle(self, deadline: float) -> Worker:
        """A worker that has nothing to do; those that ended meanwhile are replaced."""
        while not self._closed:
            try:
                worker = self._idle.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty as error:
                raise ServingError("DEADLINE_EXCEEDED", "no worker was free in time") from error
            if worker.is_alive():
                return worker
            self._give_back(worker)
        raise ServingError("UNAVAILABLE", "the server ends")

    def close(self) -> None:
        """Ends all processes."""
        with self._changing:
            self._closed = True
            for worker in self._workers:
                worker.end()

    def _everywhere(self, number: int, folder: Path | None) -> list[InputError | WorkerEnded | None]:
        """Gives an order to all workers at once; returns what they say, None if all is well.

        One that ended meanwhile doesn't matter, unless all did: its replacement loads everything.
        """
        outcomes: list[InputError | WorkerEnded | None] = []

        def give(worker: Worker) -> None:
            try:
                worker.order(number, folder)
                outcomes.append(None)
            except (InputError, WorkerEnded) as error:
                outcomes.append(error)

        threads = [threading.Thread(target=give, args=(worker,)) for worker in self._workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return outcomes

    def _give_back(self, worker: Worker) -> None:
        if worker.is_alive():
            self._idle.put(worker)
        elif not self._closed:
            threading.Thread(target=self._replace, args=(worker,), daemon=True).start()

    def _replace(self, worker: Worker) -> None:
        worker.end()
        with self._changing:
            if self._closed:
                return
            replacement = None
            try:
                replacement = Worker(self._settings, self._share)
                for number, folder in self._models.items():
                    replacement.order(number, folder)
            except (InputError, WorkerEnded, OSError) as error:
                _log.error("a worker can't be replaced as yet: %s", error or "it ended")
                if replacement:
                    replacement.end()
                threading.Timer(1.0, self._replace, [worker]).start()
                return
            self._workers.discard(worker)
            self._workers.add(replacement)
        self._idle.put(replacement)


class RemoteModel:
    """A model that the workers have loaded; `LoadedModel` says what its attributes are."""

    def __init__(
        self,
        workers: Workers,
        number: int,
        definitions: "Mapping[str, meta_graph_pb2.SignatureDef]",
        seconds: float,
    ) -> None:
        self.definitions, self.seconds = definitions, seconds
        self.signatures: dict[str, Signature] = read_signatures(definitions)
        self._workers, self._number = workers, number

    def ask(self, job: Job, deadline: float, is_wanted: Callable[[], bool]) -> bytes:
        """See `Workers`."""
        return self._workers.ask(self._number, job, deadline, is_wanted)

    def close(self) -> None:
        """Lets the workers forget it, in their time."""
        threading.Thread(target=self._workers.unload, args=(self._number,), daemon=True).start()


def _share_of_memory(num_workers: int) -> int:
    """Bytes that a worker may have, so that all together leave a fifth of the memory that there is."""
    total = psutil.virtual_memory().total
    with suppress(OSError, ValueError):  # no container, or one without a limit
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return int(total * 0.8 / num_workers)


def _count_kills_for_memory() -> int:
    """How many processes Linux has ended since it started because there was no memory."""
    with suppress(OSError):
        found = re.search(r"^oom_kill (\d+)", Path("/proc/vmstat").read_text(), re.MULTILINE)
        return int(found[1]) if found else 0
    return 0
