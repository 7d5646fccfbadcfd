"""News of a job as server-sent events, which a page that comes back takes up where it left."""

import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from nst_keras.studio.jobs.job import Job

KIND = "text/event-stream"
_PING_SECONDS = 15.0
# Ids of another server's events say nothing here.
_SERVER = secrets.token_hex(4)


async def events(
    job: Job, last_id: str, view: Callable[[Job, int], Mapping[str, Any]]
) -> AsyncIterator[bytes]:
    """The news of a job until it is deleted or the server ends; first how it is, unless that has the last id.

    A stream's events hold the points of the loss curve that the one before didn't.

    Args:
        job: The job.
        last_id: Of the last event that the page got; "" if none.
        view: What the page is told of a job, with the points after a step.
    """
    server, _, rest = last_id.partition("-")
    version, step = map(int, rest.split("-")) if server == _SERVER else (-1, 0)
    preview = 0
    while not job.has_hung_up:
        if job.version != version:
            version = job.version
            data = view(job, step)
            step = job.step
            yield _event("job", f"{_SERVER}-{version}-{step}", data)
            if job.preview_step != preview:
                preview = job.preview_step
                yield _event("preview", f"{_SERVER}-{version}-{step}", {"step": preview})
        elif not await job.changed(version, _PING_SECONDS):
            yield b": ping\n\n"


def _event(kind: str, name: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {kind}\nid: {name}\ndata: {json.dumps(data)}\n\n".encode()
