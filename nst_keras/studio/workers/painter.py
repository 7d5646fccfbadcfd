"""Painting at once: one process, started when it is first needed, and ended when nobody paints."""

import asyncio
from pathlib import Path
from typing import Any

from nst_keras.studio.workers.process import WorkerProcess
from nst_keras.web.errors import HttpError

_WORKER = ("-m", "nst_keras.studio.workers.paint")
_PATIENCE = 1.0  # seconds that it has to end; there is nothing to lose


class InstantPainter:
    """Paints one picture after the other; all calls are of one event loop.

    Args:
        log: File for what the process says.
        idle_seconds: Time without pictures after which the process ends.
    """

    def __init__(self, log: Path, idle_seconds: float) -> None:
        self._log, self._idle_seconds = log, idle_seconds
        self._process: WorkerProcess | None = None
        self._turn = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None

    async def paint(self, task: dict[str, Any]) -> float:
        """Does a task; returns the seconds that it took.

        Who gives up while others are painted loses its turn; a picture that was begun is painted to its end.
        """
        await self._turn.acquire()
        work = asyncio.ensure_future(self._work(task))
        work.add_done_callback(self._end_turn)
        return await asyncio.shield(work)

    def wake(self) -> None:
        """Starts the process if there is none, so that the first picture needn't wait for it."""
        if self._process is None and not self._turn.locked():
            self._waking = asyncio.ensure_future(self.paint({}))
            self._waking.add_done_callback(lambda waking: waking.cancelled() or waking.exception())

    async def close(self) -> None:
        """Ends the process."""
        self._stop_timer()
        process, self._process = self._process, None
        if process:
            await process.end(_PATIENCE)

    async def _work(self, task: dict[str, Any]) -> float:
        self._stop_timer()
        process = self._process
        if process is None or not process.is_alive():
            process = self._process = await WorkerProcess.start(_WORKER, self._log)
        await process.send(**task)
        answer = await process.next_message()
        if answer is None:
            words = process.last_words()
            if self._process is process:
                self._process = None
            raise HttpError(500, f"the painting process ended; try a smaller size. It said: {words}")
        self._timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._end_idle)
        if "error" in answer:
            raise HttpError(400, answer["error"])
        return float(answer["seconds"])

    def _end_turn(self, work: asyncio.Future[float]) -> None:
        self._turn.release()
        if not work.cancelled():
            work.exception()  # seen, even if who asked has gone

    def _end_idle(self) -> None:
        if not self._turn.locked():
            self._ending = asyncio.ensure_future(self.close())

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
