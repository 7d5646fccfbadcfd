"""A studio without a network: requests are ASGI calls, and nothing loads TensorFlow."""

import asyncio
import io
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from PIL import Image

from nst_keras.studio.app import StudioApp
from nst_keras.studio.settings import StudioSettings
from nst_keras.studio.studio import Studio

TOKEN, PORT = "token", 8600
FAKE_WORKER = Path(__file__).with_name("fake_worker.py")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Asks an application as the page does."""

    def __init__(self, studio: Studio) -> None:
        self.studio, self._app = studio, StudioApp(studio, TOKEN)

    async def __call__(
        self, method: str, target: str, body: bytes | dict[str, Any] = b"", **headers: str
    ) -> Reply:
        parts: list[bytes] = []
        start: dict[str, Any] = {}
        async for message in self.messages(method, target, body, **headers):
            if message["type"] == "http.response.start":
                start = message
            else:
                parts.append(message["body"])
        names = {name.decode(): value.decode() for name, value in start["headers"]}
        return Reply(start["status"], names, b"".join(parts))

    async def messages(self, method: str, target: str, body: bytes | dict[str, Any] = b"", **headers: str):
        """What comes back, bit by bit; who stops listening has gone."""
        path, _, query = target.partition("?")
        sent = {"host": f"127.0.0.1:{PORT}", "authorization": f"Bearer {TOKEN}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items() if value],
            "server": ("127.0.0.1", PORT),
        }
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        incoming.put_nowait({"type": "http.request", "body": data})
        outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        work = asyncio.ensure_future(self._app(scope, incoming.get, outgoing.put))
        try:
            more = True
            while more:
                message = await outgoing.get()
                more = message["type"] == "http.response.start" or message.get("more_body", False)
                yield message
        finally:
            incoming.put_nowait({"type": "http.disconnect"})
            await work


Run = Callable[[Callable[[Client], Coroutine[Any, Any, _T]]], _T]


@pytest.fixture
def settings(tmp_path: Path) -> StudioSettings:
    return StudioSettings(folder=str(tmp_path / "studio"), max_upload_mb=1, max_megapixels=1, queue=2)


@pytest.fixture
def visit(settings: StudioSettings) -> Run:
    """Opens a studio, does what a page would, and closes it; again in the same folder if called twice."""

    def run(scene: Callable[[Client], Coroutine[Any, Any, _T]], **changes: Any) -> _T:
        async def play() -> _T:
            studio = Studio(replace(settings, **changes), worker=(str(FAKE_WORKER),))
            studio._painter.wake = lambda: None  # type: ignore[method-assign]  # it would load TensorFlow
            await studio.open()
            try:
                return await scene(Client(studio))
            finally:
                await studio.close()

        return asyncio.run(asyncio.wait_for(play(), 60))

    return run


def picture(width: int = 40, height: int = 30, kind: str = "PNG", **options: Any) -> bytes:
    """A picture's file."""
    buffer = io.BytesIO()
    colors = np.linspace(0, 255, height * width * 3).reshape(height, width, 3).astype(np.uint8)
    Image.fromarray(colors).save(buffer, kind, **options)
    return buffer.getvalue()
