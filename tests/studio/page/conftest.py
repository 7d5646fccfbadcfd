"""The page in a browser, before the real server, whose processes that paint are a fake."""

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
BROWSERS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "firefox": ("firefox-esr", "firefox"),
}
LAUNCH = {
    "chromium": {"args": ["--no-sandbox", "--disable-dev-shm-usage"]},
    # Over WebDriver BiDi, which any Firefox speaks.
    "firefox": {"channel": "moz-firefox", "firefox_user_prefs": {"ui.prefersReducedMotion": 1}},
}


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


@pytest.fixture(scope="module", params=["chromium", pytest.param("firefox", marks=pytest.mark.large)])
def browser(
    request: pytest.FixtureRequest,
) -> Iterator[Any]:  # meanwhile this thread has an event loop that runs
    """A browser; without it, or what drives it, these tests are skipped."""
    kind = request.param
    path = next(filter(None, map(shutil.which, BROWSERS[kind])), None)
    if not path:
        pytest.skip(f"needs {kind} (Debian: apt-get install {BROWSERS[kind][0]})")
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("needs playwright: pip install 'nst_keras[dev]'")
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        browser = getattr(playwright, kind).launch(executable_path=path, **LAUNCH[kind])
        try:
            browser.new_context().close()
        except Error as error:  # playwright expects a newer one
            browser.close()
            pytest.skip(f"{path} doesn't know what drives it: {error}")
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Any, studio: StudioAt) -> Iterator[Callable[..., Any]]:
    """Opens the page in a new window; fails in the end if the page met an error of its own."""
    contexts, problems = [], []

    def open_page(address: str = "", **options: Any) -> Any:
        options = {
            "viewport": {"width": 1280, "height": 800},
            "locale": "en-GB",
            "reduced_motion": "reduce",
        } | options
        contexts.append(browser.new_context(**options))
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
