"""The REST API as an ASGI application, over the standard library's JSON."""

import asyncio
import logging
import re
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

from google.protobuf import json_format, message

from nst_keras.serving.protocol.model_spec import ModelSpec
from nst_keras.serving.protocol.replies import metadata_reply, status_reply
from nst_keras.serving.protocol.status_codes import ServingError, invalid
from nst_keras.serving.server.access import Token
from nst_keras.serving.server.compute.answers import json_body
from nst_keras.serving.server.compute.worker import INTERNAL_ERROR
from nst_keras.serving.server.front_page import front_page
from nst_keras.serving.server.metrics import METRICS_PATH
from nst_keras.serving.server.predictor import Predictor
from nst_keras.web.body import BodyReader, Receive
from nst_keras.web.errors import HttpError
from nst_keras.web.server import hang_up

Send = Callable[[dict[str, Any]], Awaitable[None]]

_JSON, _TEXT = b"application/json", b"text/plain; charset=utf-8"
_METRICS = b"text/plain; version=0.0.4; charset=utf-8"  # Prometheus's version of its format

_CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"authorization, content-encoding, content-type"),
]

# Paths as in TensorFlow Serving's api_rest.md.
_WHICH = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_GET = rf"/v1/models(?:/(?P<name>[^/:]+))?{_WHICH}(?P<action>/metadata)?"
_POST = rf"/v1/models/(?P<name>[^/:]+){_WHICH}:(?P<action>predict|classify|regress)"
_PATHS = {"GET": re.compile(_GET, re.IGNORECASE), "POST": re.compile(_POST, re.IGNORECASE)}
_PART = 1 << 18  # bytes that are sent at a time
_ANSWERS = 4  # answers as large as a body may be that may wait to be taken
_MOST_VERSION = 2**63 - 1

_log = logging.getLogger(__name__)


class RestApi:
    """Answers HTTP requests; the work is done by threads, so that one request doesn't hold up others."""

    def __init__(self, predictor: Predictor, token: Token) -> None:
        self._predictor, self._token = predictor, token
        self._sending: dict[Send, int] = {}  # bytes of answers that clients are taking, the oldest first
        self._threads = ThreadPoolExecutor(predictor.capacity, thread_name_prefix="rest")
        settings = predictor.settings
        self._reader = BodyReader(settings.max_body_bytes, settings.read_timeout)
        self._cors_headers = _CORS if settings.rest_api_enable_cors_support else []

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            status, kind, body = 200, *await self._answer(scope, receive)
        except HttpError as error:
            status, kind, body = error.http_status, _JSON, json_body({"error": str(error)})
        except Exception:
            _log.exception("%s %s failed", scope["method"], scope["path"])
            body = json_body({"error": INTERNAL_ERROR})
            status, kind = 500, _JSON
        length = str(len(body)).encode()
        headers = [(b"content-type", kind), (b"content-length", length), *self._cors_headers]
        self._sending[send] = len(body)
        self._shed(send)
        try:
            await send({"type": "http.response.start", "status": status, "headers": headers})
            for start in range(0, len(body) or 1, _PART):
                part, more = body[start : start + _PART], start + _PART < len(body)
                await send({"type": "http.response.body", "body": part, "more_body": more})
        finally:
            del self._sending[send]

    def _shed(self, newest: Send) -> None:
        """Hangs up on those who take longest, if answers that wait to be taken fill the memory."""
        most = _ANSWERS * self._predictor.settings.max_body_bytes
        for send in list(self._sending):
            if sum(self._sending.values()) <= most or send is newest:
                return
            self._sending[send] = 0
            hang_up(send)

    def close(self) -> None:
        """Lets the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, scope: dict[str, Any], receive: Receive) -> tuple[bytes, bytes]:
        loop = asyncio.get_running_loop()
        if scope["method"] == "OPTIONS" and self._cors_headers:
            return _JSON, b""
        self._token.check(dict(scope["headers"]).get(b"authorization", b"").decode("latin-1"))
        if (scope["method"], scope["path"]) == ("GET", METRICS_PATH):
            return _METRICS, self._predictor.metrics.page()
        if (scope["method"], scope["path"]) == ("GET", "/"):
            page = await loop.run_in_executor(None, front_page, self._predictor.models, _address(scope))
            return _TEXT, page.encode()
        # A name may hold a coded slash, which would read as a part of the path.
        spec, action = _read_path(scope["method"], scope["raw_path"].decode("latin-1"))
        if scope["method"] == "POST":
            with self._predictor.counted(spec, action, "REST"):
                return _JSON, await self._ask(spec, action, scope, receive)
        with self._predictor.counted(spec, "", "REST"):
            return _JSON, await loop.run_in_executor(None, self._describe, spec, action)

    def _describe(self, spec: ModelSpec, action: str) -> bytes:
        models = self._predictor.models
        if not action:
            return json_body(_to_plain(status_reply(models.statuses(spec))))
        with models.lease(spec) as (version, model):
            reply = _to_plain(metadata_reply(spec.name, version, model.definitions))
        for entry in reply["metadata"].values():
            del entry["@type"]  # TensorFlow Serving leaves it out
        return json_body(reply)

    async def _ask(self, spec: ModelSpec, action: str, scope: dict[str, Any], receive: Receive) -> bytes:
        async with self._reader.read(scope, receive) as body:
            self._predictor.enter()
            gone = threading.Event()
            watch = asyncio.ensure_future(_watch(receive, gone))
            loop = asyncio.get_running_loop()
            work = loop.run_in_executor(self._threads, self._work, spec, action, body, gone)
            try:
                return await asyncio.shield(work)
            finally:
                watch.cancel()

    def _work(self, spec: ModelSpec, action: str, body: bytes, gone: threading.Event) -> bytes:
        try:
            return self._predictor.answer(spec, action, body, is_wanted=lambda: not gone.is_set())
        finally:
            self._predictor.leave()


async def _watch(receive: Receive, gone: threading.Event) -> None:
    """Notes that the client has gone; after a whole body nothing else can come."""
    await receive()
    gone.set()


def _address(scope: dict[str, Any]) -> str:
    """The server's, as the client calls it."""
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    return (
        f"http://{host}" if re.fullmatch(r"[\w.:\[\]-]+", host) else "http://{}:{}".format(*scope["server"])
    )


def _read_path(method: str, path: str) -> tuple[ModelSpec, str]:
    """The model that a request means, and what it asks for; nothing: the model's status."""
    match = _PATHS[method].fullmatch(path) if method in _PATHS else None
    if not match:
        code = "INVALID_ARGUMENT" if path.lower().startswith("/v1/") else "NOT_FOUND"
        raise ServingError(code, f"Malformed request: {method} {path}")
    if not match["name"]:
        raise invalid("Missing model name in request.")
    version, action = int(match["version"]) if match["version"] else None, match["action"] or ""
    if version is not None and version > _MOST_VERSION:
        raise invalid(f"Failed to convert version: {version} to numeric.")
    return ModelSpec(unquote(match["name"]), version, unquote(match["label"] or "")), action.lower()


def _to_plain(reply: message.Message) -> dict[str, Any]:
    plain: dict[str, Any] = json_format.MessageToDict(
        reply, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return plain
