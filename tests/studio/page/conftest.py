"""The page in Chromium, before the real server, whose processes that paint are a fake."""

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nst_keras.studio.app import StudioApp
from nst_keras.studio.settings import StudioSettings
from nst_keras.studio.studio import Studio
from nst_keras.studio.workers import painter
from nst_keras.web.server import HttpServer

FAKE = str(Path(__file__).with_name("fake_painter.py"))
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass
class StudioAt:
    """A server in a folder."""

    folder: Path
    server: HttpServer | None = None

    def start(self, port: int = 0) -> str:
        """Starts it; returns its address with the key."""
        studio = Studio(StudioSettings(folder=str(self.folder)), worker=(FAKE, "optimize"))
        limits = {"read_timeout": 5.0, "max_connections": 64, "drain_seconds": 0.1}
        self.server = HttpServer(StudioApp(studio, "token"), "127.0.0.1", port, lifespan=True, **limits)
        return f"http://127.0.0.1:{self.server.port}/#token=token"

    def stop(self) -> None:
        if self.server:
            self.server.begin_stop()
            self.server.wait()
            self.server = None


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StudioAt]:
    """A server that isn't started yet."""
    monkeypatch.setattr(painter, "_WORKER", (FAKE, "paint"))
    at = StudioAt(tmp_path / "studio")
    yield at
    at.stop()


@pytest.fixture(scope="module")  # as long as it is there, this thread has an event loop that runs
def chromium() -> Iterator[Any]:
    """The browser; without it, or what drives it, these tests are skipped."""
    if not CHROMIUM:
        pytest.skip("needs chromium (Debian: apt-get install chromium)")
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("needs playwright: pip install 'nst_keras[dev]'")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any, studio: StudioAt) -> Iterator[Callable[..., Any]]:
    """Opens the page in a new window; fails in the end if the page met an error of its own."""
    contexts, problems = [], []

    def open_page(address: str = "", **options: Any) -> Any:
        options = {
            "viewport": {"width": 1280, "height": 800},
            "locale": "en-GB",
            "reduced_motion": "reduce",
        } | options
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)  # a busy machine is slow, not wrong
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda message: problems.append(message.text) if "Content Security" in message.text else None,
        )
        page.goto(address or studio.start())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []
