"""The studio as an ASGI application: the page, and what it may ask for."""

import asyncio
import contextlib
import errno
import logging
import mimetypes
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from nst_keras.errors import InputError
from nst_keras.studio.answers import Answer, Request, json_answer
from nst_keras.studio.guard import HEADERS, Guard
from nst_keras.studio.studio import Studio
from nst_keras.web.body import BodyReader, Receive
from nst_keras.web.errors import HttpError

Send = Callable[[dict[str, Any]], Awaitable[None]]
Handler = Callable[..., Coroutine[Any, Any, Answer]]
_T = TypeVar("_T")

_UPLOAD_SECONDS = 60.0
_SMALL_BODY = 1 << 20  # of a request that isn't a picture
_PAGE = Path(__file__).parent / "page"

_log = logging.getLogger(__name__)


class StudioApp:
    """Answers HTTP requests; all calls are of one event loop."""

    def __init__(self, studio: Studio, token: str) -> None:
        self._studio, self._guard = studio, Guard(token)
        self._uploads = BodyReader(studio.settings.max_bytes, _UPLOAD_SECONDS)
        self._small = BodyReader(_SMALL_BODY, _UPLOAD_SECONDS)
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = [
            (method, re.compile(path), handler)
            for method, path, handler in (
                ("GET", "/", self._page),
                ("GET", "/page/(.+)", self._page),
                ("GET", "/api/about", studio.about),
                ("PUT", "/api/pictures", studio.add_picture),
                ("POST", "/api/pictures", studio.hold_pictures),
                ("GET", "/api/pictures/(.+)", studio.show_picture),
                ("POST", "/api/paint", studio.paint),
                ("POST", "/api/command", studio.command),
                ("POST", "/api/learn/features", studio.show_features),
                ("POST", "/api/jobs", studio.add_job),
                ("GET", "/api/jobs", studio.list_jobs),
                ("DELETE", "/api/jobs/([^/]+)", studio.delete_job),
                ("GET", "/api/jobs/([^/]+)/events", studio.watch_job),
                ("GET", "/api/jobs/([^/]+)/preview", studio.preview_job),
                ("POST", "/api/jobs/([^/]+)/(stop|pause|go_on)", studio.change_job),
                ("GET", "/api/results/([^/]+)", studio.result),
            )
        ]

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answers one request, unless who asked goes away first; or tells the studio that the server ends."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        try:
            answer = await self._answer(scope, receive)
        except HttpError as error:
            answer = json_answer({"error": self._studio.in_words(error)}, error.http_status)
        except InputError as error:
            answer = json_answer({"error": self._studio.in_words(error)}, _status(error.__cause__) or 400)
        except Exception as error:
            if status := _status(error):
                answer = json_answer({"error": f"the disk is full: {error}"}, status)
            else:
                _log.exception("%s %s failed", scope["method"], scope["path"])
                answer = json_answer({"error": "internal error; where nst-studio runs there is more"}, 500)
        with contextlib.suppress(HttpError):
            await _unless_gone(_send(answer, scope["method"] == "HEAD", send), receive)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._studio.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._studio.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: dict[str, Any], receive: Receive) -> Answer:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path, method = scope["path"], "GET" if scope["method"] == "HEAD" else scope["method"]
        self._guard.check(scope["method"], path, headers, scope["server"][1])
        handler, words = self._find(method, path)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        request = Request(method, path, query, headers)
        if method == "PUT":
            with self._studio.new_file() as upload:
                with upload.open("wb") as file:
                    await self._uploads.save(scope, receive, file)
                return await _unless_gone(handler(replace(request, upload=upload), *words), receive)
        async with self._small.read(scope, receive) as body:
            return await _unless_gone(handler(replace(request, body=body), *words), receive)

    def _find(self, method: str, path: str) -> tuple[Handler, tuple[str, ...]]:
        allowed = []
        for allowed_method, pattern, handler in self._routes:
            if match := pattern.fullmatch(path):
                if allowed_method == method:
                    return handler, match.groups()
                allowed.append(allowed_method)
        if allowed:
            raise HttpError(405, f"{path} takes {', '.join(allowed)}")
        raise HttpError(404, f"there is no {path}")

    async def _page(self, request: Request, name: str = "index.html") -> Answer:
        files = {path.relative_to(_PAGE).as_posix(): path for path in _PAGE.rglob("*") if path.is_file()}
        if name not in files:
            raise HttpError(404, f"there is no {request.path}")
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        kind = "text/javascript" if name.endswith(".js") else kind  # some systems' tables say otherwise
        text = "; charset=utf-8" if kind.startswith("text/") else ""
        return Answer(files[name].read_bytes(), kind + text)


def _status(cause: BaseException | None) -> int:
    """507 if the disk is full; else 0."""
    return 507 if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT) else 0


async def _unless_gone(work: Coroutine[Any, Any, _T], receive: Receive) -> _T:
    """What comes of some work, which ends if the client goes; after a whole body nothing else can come."""
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(receive())
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HttpError(499, "the page has gone")
        return working.result()
    finally:
        working.cancel()
        gone.cancel()


async def _send(answer: Answer, only_head: bool, send: Send) -> None:
    headers = {**HEADERS, "Content-Type": answer.kind, **answer.headers}
    if isinstance(answer.body, bytes):
        headers["Content-Length"] = str(len(answer.body))
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    if isinstance(answer.body, bytes):
        body = b"" if only_head else answer.body
        await send({"type": "http.response.body", "body": body})
        return
    async for part in answer.body:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
