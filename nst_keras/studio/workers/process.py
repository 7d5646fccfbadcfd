"""A worker process, as the server sees it."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Self

_LONGEST_LINE = 1 << 20
_LOG_END = 2000  # bytes of a log that may tell why a process died


class WorkerProcess:
    """Runs Python on something that has a `Channel`; all calls are of one event loop."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process, self._log = process, log

    @classmethod
    async def start(cls, words: Sequence[str], log: Path) -> Self:
        """Starts it, with its log in a file."""
        environment = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ}
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, *words),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=_LONGEST_LINE,
                env=environment,
                start_new_session=True,  # Ctrl-C at the terminal is for the server, which tells its workers
            )
        return cls(process, log)

    @property
    def pid(self) -> int:
        """The system's number of it."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether it hasn't ended."""
        return self._process.returncode is None

    async def send(self, **message: Any) -> None:
        """Tells it something; if it is gone, that shows in its messages."""
        pipe = self._process.stdin
        if pipe is None:
            return
        with contextlib.suppress(ConnectionError):
            pipe.write(json.dumps(message).encode() + b"\n")
            await pipe.drain()

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """What it says, until it ends."""
        while self._process.stdout and (line := await self._process.stdout.readline()):
            yield json.loads(line)

    async def next_message(self) -> dict[str, Any] | None:
        """One thing that it says; None if it has ended."""
        return await anext(self.messages(), None)

    async def end(self, patience: float) -> None:
        """Lets it know that nobody listens any more, and kills it if it doesn't end in so many seconds."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), patience)
        except TimeoutError:
            self.kill()
            await self._process.wait()

    async def wait(self) -> int:
        """Waits for its end; returns its code, which is negative if a signal ended it."""
        return await self._process.wait()

    def kill(self) -> None:
        """Ends it at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def last_words(self) -> str:
        """The last line of its log."""
        with contextlib.suppress(OSError):
            lines = self._log.read_bytes()[-_LOG_END:].decode(errors="replace").strip().splitlines()
            return lines[-1] if lines else ""
        return ""
