"""The page in a browser, before the real server, whose processes that paint are a fake."""

import importlib.util
import shutil
import time
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
    # Over WebDriver BiDi, which any Firefox speaks, though not all of it.
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


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the browser puts what it saves."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module", params=["chromium", pytest.param("firefox", marks=pytest.mark.large)])
def browser(
    request: pytest.FixtureRequest, downloads: Path
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
        browser = getattr(playwright, kind).launch(
            executable_path=path, downloads_path=downloads, **LAUNCH[kind]
        )
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
        if browser.browser_type.name == "firefox":  # which playwright can't tell of the system's colours
            page.evaluate(f"document.documentElement.style.colorScheme = '{options.get('color_scheme', '')}'")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def save(browser: Any, downloads: Path) -> Callable[[Any, str], Path]:
    """Clicks on an element of a page; gives the file that the browser saves, under its name there."""

    def click(page: Any, selector: str) -> Path:
        for old in downloads.iterdir():
            old.unlink()
        if browser.browser_type.name != "firefox":
            with page.expect_download() as download:
                page.click(selector)
            return download.value.path().rename(downloads / download.value.suggested_filename)
        # Firefox doesn't tell which download of a page this is, and playwright passes it over.
        page.click(selector)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for new in downloads.iterdir():
                if new.suffix != ".part" and new.stat().st_size:
                    return new
            page.wait_for_timeout(50)
        raise AssertionError("nothing was saved")

    return click
