"""Jobs that wait for their turn, and the processes of those that are at work."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nst_keras.storage.folders import make_folder
from nst_keras.studio.jobs.job import (
    DONE,
    FAILED,
    LOST,
    PAUSED,
    RUNNING,
    STARTING,
    STOPPED,
    UNFINISHED,
    WAITING,
    Job,
)
from nst_keras.studio.pictures import is_id
from nst_keras.studio.workers.process import WorkerProcess
from nst_keras.web.errors import HttpError

WORKER = ("-m", "nst_keras.studio.workers.optimize")
_PATIENCE = 5.0  # seconds that a process has to end
_STEP_PATIENCE = 120.0  # the same, for one that still has to finish a step and to write its picture
_MOST_AT_ONCE = 100  # pictures painted at once that history keeps

_LOST = "the process that painted was ended from outside, perhaps for want of memory ({})"


class JobQueue:
    """All jobs of a folder, of which one is at work; all calls are of one event loop.

    Args:
        folder: Where they are kept; made if need be.
        most_waiting: Jobs that may wait.
        worker: What Python runs for a job.
    """

    def __init__(self, folder: Path, most_waiting: int, worker: Sequence[str] = WORKER) -> None:
        self._folder, self._most_waiting, self._worker = make_folder(folder, "folder"), most_waiting, worker
        self._jobs: dict[str, Job] = {}
        self._processes: dict[str, WorkerProcess] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False

    def open(self) -> None:
        """Takes up what a server before left."""
        found = [job for path in self._folder.iterdir() if is_id(path.name) and (job := Job.read(path))]
        self._jobs = {job.id: job for job in sorted(found, key=lambda job: job.created)}
        for job in self._jobs.values():
            if job.state in UNFINISHED:
                job.resumes = True
                job.change(WAITING)
        self._start_next()

    def hang_up(self) -> None:
        """Ends all streams of news, for which a server that ends would wait."""
        for job in self._jobs.values():
            job.hang_up()

    async def close(self) -> None:
        """Ends all processes; each leaves a checkpoint, and its job is taken up at the next start."""
        self._is_closing = True
        starting = {job.id for job in self._jobs.values() if job.state == STARTING}  # has nothing to lose
        ends = [
            process.end(0 if name in starting else _PATIENCE) for name, process in self._processes.items()
        ]
        await asyncio.gather(*ends)
        await asyncio.gather(*self._tasks)

    def all(self) -> list[Job]:
        """Newest first."""
        return sorted(self._jobs.values(), key=lambda job: job.created, reverse=True)

    def get(self, name: str) -> Job:
        """A job by its id."""
        if name not in self._jobs:
            raise HttpError(404, "there is no such job")
        return self._jobs[name]

    def picture(self, name: str) -> Path | None:
        """The picture of a job by its id; None if there is none."""
        job = self._jobs.get(name)
        return job.output if job and job.output.exists() else None

    def newest_named(self, name: str) -> str:
        """The id of the newest job whose picture's file has a name; "" if none has."""
        return next((job.id for job in self.all() if job.output.name == name and job.output.exists()), "")

    def folder_for(self, name: str) -> Path:
        """Where a job with a new id has its files."""
        return self._folder / name

    def add(self, job: Job) -> Job:
        """Takes a job in, whose folder is there, and starts it if none is at work."""
        if job.state == WAITING:
            self._require_place()
        job.keep()
        self._jobs[job.id] = job
        self._start_next()
        self._forget_oldest()
        return job

    async def pause(self, job: Job) -> None:
        """Halts a job where it is, or leaves it halted."""
        if job.state == WAITING and job.is_halted:
            job.change(PAUSED, job.message)
        else:
            await self._wish(job, "pause", RUNNING)

    async def stop(self, job: Job) -> None:
        """Ends a job after its step, with the picture so far and a checkpoint."""
        process = self._processes.get(job.id)
        waits = job.state == WAITING and not job.is_halted
        if waits or (job.state == PAUSED and process is None):
            job.change(STOPPED)
        elif job.state == STARTING and not (process and job.resumes):  # there is nothing to keep
            job.change(STOPPED)
            if process:
                process.kill()
        else:
            await self._wish(job, "stop", STARTING, RUNNING, PAUSED, WAITING)
            self._run(self._lose_patience(job))

    async def go_on(self, job: Job) -> None:
        """Lets a job go on from where it is, when it is its turn."""
        if job.state in (PAUSED, STOPPED, FAILED, LOST):
            self._require_place()
            job.resumes = True
            job.change(WAITING, job.message if job.is_halted else "")
            self._start_next()
        else:
            raise HttpError(409, f"the picture is {job.state}: there is nothing to go on with")

    async def delete(self, job: Job) -> None:
        """Forgets a job with all its files."""
        del self._jobs[job.id]
        job.is_deleted = True
        job.hang_up()
        if process := self._processes.get(job.id):
            await process.end(0)  # there is nothing to lose
        await asyncio.to_thread(shutil.rmtree, job.folder, ignore_errors=True)

    def _require_place(self) -> None:
        if sum(job.state == WAITING for job in self._jobs.values()) >= self._most_waiting:
            raise HttpError(429, f"{self._most_waiting} pictures are waiting already; try again later")

    async def _wish(self, job: Job, wish: str, *states: str) -> None:
        process = self._processes.get(job.id)
        if job.state not in states or process is None:
            raise HttpError(409, f"the picture is {job.state}")
        if job.state in (PAUSED, WAITING):
            job.is_halted = False
            job.change(RUNNING, job.message)  # so that who asked goes on listening
        await process.send(wish=wish)

    async def _lose_patience(self, job: Job) -> None:
        process = self._processes.get(job.id)
        if process:
            await process.end(_STEP_PATIENCE)

    def _start_next(self) -> None:
        at_work = any(job.state in (STARTING, RUNNING) for job in self._jobs.values())
        waiting = [  # a process that is still ending comes first
            job
            for job in self._jobs.values()
            if job.state == WAITING
            and ((process := self._processes.get(job.id)) is None or (job.is_halted and process.is_alive()))
        ]
        if not waiting or at_work or self._is_closing:
            return
        job = waiting[0]
        if job.is_halted:
            job.is_halted = False
            job.change(RUNNING, job.message)
            self._run(self._processes[job.id].send(wish="go_on"))
        else:
            job.change(STARTING)
            self._run(self._work(job))

    def _run(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, job: Job) -> None:
        try:
            process = await WorkerProcess.start(self._worker, job.folder / "log.txt")
        except OSError as error:
            job.change(FAILED, f"no process can be started: {error.strerror or error}")
            self._start_next()
            return
        self._processes[job.id] = process
        if job.state != STARTING or job.is_deleted or self._is_closing:  # meanwhile
            process.kill()
        await process.send(**job.task, resume=job.resumes)
        async for message in process.messages():
            self._see(job, message)
        code = await process.wait()
        del self._processes[job.id]
        job.is_halted = False
        if not job.is_deleted and not self._is_closing and job.state in (STARTING, RUNNING, PAUSED):
            words = process.last_words()
            job.change(LOST, _LOST.format(f"signal {-code}")) if code < 0 else job.change(FAILED, words)
        self._start_next()

    def _see(self, job: Job, message: Mapping[str, Any]) -> None:
        """A job that is stopped because the server ends, or was stopped as it started, keeps its state."""
        ending = self._is_closing and message["event"] in ("ended", "running", "paused")
        if job.is_deleted or ending or job.state == STOPPED:
            return
        job.see(message)
        if message["event"] == "paused":
            self._start_next()

    def _forget_oldest(self) -> None:
        at_once = [job for job in self.all() if job.state == DONE and not job.num_steps]
        for job in at_once[_MOST_AT_ONCE:]:
            self._run(self.delete(job))
