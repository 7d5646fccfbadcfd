"""Hands requests that were answered to a process that logs their pictures, and never waits for it."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

from nst_keras.errors import InputError
from nst_keras.serving.server.compute.answers import Job
from nst_keras.serving.server.metrics import Metrics
from nst_keras.serving.server.settings import ServerSettings
from nst_keras.storage.files import check_writable
from nst_keras.storage.folders import make_folder

_MOST_WAITING, _MOST_BYTES = 256, 64 << 20  # requests that wait for the process
_MOST_SECONDS = 60  # for one request; then the process is replaced
_END_SECONDS = 10  # of the process, once it has written all
_PROGRAM = "from nst_keras.serving.server.compute.request_writer import work; work()"

_log = logging.getLogger(__name__)


class RequestLog:
    """A queue, a thread that empties it, and the process that writes.

    Raises:
        InputError: If the folder can't be made or written.
    """

    def __init__(self, settings: ServerSettings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        folder = Path(settings.request_log)
        if not folder.exists():
            make_folder(folder, "request_log")
            folder.chmod(0o700)  # it tells what people sent
        if not folder.is_dir():
            raise InputError(f"request_log: {folder} must be a folder")
        check_writable(folder / "requests")
        self._waiting, self._bytes = deque[tuple[float, Job]](), 0
        self._changed, self._closed = threading.Condition(), False
        self._writer: _Writer | None = None
        self._failing = False
        self._thread = threading.Thread(target=self._empty, name="request log", daemon=True)
        self._thread.start()

    def offer(self, job: Job) -> None:
        """Takes a request in, unless too many wait; that is counted, and takes no time in either case."""
        with self._changed:
            too_many = len(self._waiting) >= _MOST_WAITING
            if not too_many and self._bytes + len(job.request) <= _MOST_BYTES:
                self._waiting.append((time.time(), job))
                self._bytes += len(job.request)
                self._changed.notify()
                return
        self._metrics.count_logged("dropped")

    def close(self) -> None:
        """Writes what waits, within the time to drain, and ends the process."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(self._settings.drain_seconds)
        with self._changed:
            lost = len(self._waiting)
            self._waiting.clear()
        if lost:
            _log.warning("%s: requests that are not logged: %d", self._settings.request_log, lost)
        if self._writer:
            self._writer.close()

    def _empty(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                when, job = self._waiting.popleft()
                self._bytes -= len(job.request)
            self._hand_over(when, job)

    def _hand_over(self, when: float, job: Job) -> None:
        try:
            self._writer = self._writer or _Writer(self._settings)
            written, failed = self._writer.write(when, job)
        except (EOFError, OSError):  # it ended, or hangs
            if self._writer:
                self._writer.kill()
            self._writer, written, failed = None, 0, 1
        self._metrics.count_logged("written", written)
        self._metrics.count_logged("failed", failed)
        if failed and not self._failing:  # said once, not at each picture
            _log.warning("%s: pictures of requests can't be logged", self._settings.request_log)
        self._failing = bool(failed)


class _Writer:
    """The process."""

    def __init__(self, settings: ServerSettings) -> None:
        self._jobs, jobs = Pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM, str(jobs.fileno())],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            pass_fds=[jobs.fileno()],
            stdin=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C is for the server
        )
        jobs.close()
        self._jobs.send(settings)

    def write(self, when: float, job: Job) -> tuple[int, int]:
        """How many pictures of a request were written and how many weren't."""
        connection: Connection = self._jobs
        connection.send((when, job))
        if not connection.poll(_MOST_SECONDS):
            raise EOFError
        written, failed = connection.recv()
        return written, failed

    def close(self) -> None:
        """Lets it finish."""
        self._jobs.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()
        self._jobs.close()
