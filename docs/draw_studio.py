"""Draws the figures of docs/studio.md: the page itself, opened in Chromium and used with the mouse.

    python docs/draw_studio.py

Needs the extras `studio` and `dev`, and Debian's `chromium`. The optimiser paints for some minutes.
"""

import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from nst_keras.storage.files import write_whole
from nst_keras.studio.server import StudioServer
from nst_keras.studio.settings import StudioSettings

IMAGES = Path(__file__).parent / "images"
MOST_BYTES = 120_000
PATIENCE = 1_200_000  # milliseconds
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
EXACT = ".formats button:enabled"
LANGUAGES = {"": "en-GB", "_es": "es-ES"}


def shoot(page: Any, name: str) -> None:
    """Writes what is to be seen as JPEG, as good as it can be at its size."""
    page.wait_for_timeout(1000)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for quality in range(92, 40, -4):
        image.save(buffer := io.BytesIO(), "JPEG", quality=quality, optimize=True, progressive=True)
        if buffer.tell() <= MOST_BYTES:
            break
    write_whole(IMAGES / f"{name}.jpg", buffer.getvalue())


def open_page(browser: Any, address: str, locale: str, size: dict[str, int], **options: Any) -> Any:
    """The page, in a window of its own, with its first picture painted."""
    page = browser.new_context(viewport=size, locale=locale, **options).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector(EXACT, state="attached")
    return page


def choose(page: Any, *names: str) -> None:
    """Takes photos and paintings, and waits until they are painted at full size."""
    for name in names:
        page.wait_for_selector(f'.tile[data-name="{name}"] img[src]', state="attached")
        page.click(f'.tile[data-name="{name}"]')
        title = page.get_attribute(f'.tile[data-name="{name}"]', "title")
        page.wait_for_selector(f"#label:has-text('{title}')")
        page.wait_for_selector(EXACT, state="attached")


def paint_fine(page: Any) -> None:
    """Shows the optimiser at work."""
    page.click("#ways .pill:nth-of-type(2)")
    page.click('.tile[data-name="sample:flower"]')
    page.click('.tile[data-name="sample:stained_glass"]')
    page.click("[name=preset][value=preview]")
    page.click("#begin")
    while page.evaluate("document.querySelector('#run progress')?.position ?? 0") < 0.75:
        page.wait_for_timeout(500)
    shoot(page, "studio_fine")
    page.click("#run .acts button >> nth=1")  # stop and keep
    page.wait_for_selector("#run [value]", state="attached")


def paint_mask(page: Any) -> None:
    """Shows two regions that were painted over a photo, and their brushes."""
    page.click('.tile[data-name="sample:china"]')
    page.click("[data-tool=mask]")
    page.wait_for_selector("#mask:focus")
    box = page.locator("#mask").bounding_box()

    def stroke(*places: tuple[float, float]) -> None:
        for number, (x, y) in enumerate(places):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
            if number == 0:
                page.mouse.down()
        page.mouse.up()

    stroke((0.05, 0.06), (0.95, 0.06), (0.95, 0.2), (0.45, 0.2), (0.45, 0.32), (0.92, 0.32), (0.52, 0.42))
    stroke((0.05, 0.18), (0.16, 0.2), (0.08, 0.3))
    page.click("#mask-bar .regions > button")
    stroke(
        (0.31, 0.12),
        (0.31, 0.3),
        (0.22, 0.36),
        (0.42, 0.38),
        (0.25, 0.52),
        (0.45, 0.52),
        (0.22, 0.68),
        (0.5, 0.72),
    )
    page.select_option("#mask-bar .region >> nth=1 >> select", "sample:strokes")
    page.select_option("#mask-bar .region >> nth=2 >> select", "sample:stained_glass")
    shoot(page, "studio_masks")


def main() -> None:
    """Writes all figures."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, sync_playwright() as playwright:
        server = StudioServer(StudioSettings(folder=folder, port=0))
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"], timeout=60_000
        )
        page = open_page(browser, server.address, LANGUAGES[""], DESK)
        choose(page, "night_cafe", "starry_night", "sample:flower", "great_wave", "sample:china")
        for suffix, locale in LANGUAGES.items():
            page = open_page(browser, server.address, locale, DESK)
            shoot(page, f"studio{suffix}")
            phone = open_page(browser, server.address, locale, PHONE, color_scheme="dark", has_touch=True)
            phone.click("#tabs button >> nth=0")
            phone.click('.tile[data-name="sample:flower"]')
            phone.click("#tabs button >> nth=1")
            choose(phone, "starry_night")
            phone.click("[data-tool=compare]")
            shoot(phone, f"studio_phone{suffix}")
        page = open_page(browser, server.address, LANGUAGES[""], DESK)
        paint_fine(page)
        paint_mask(page)
        browser.close()
        server.stop()


if __name__ == "__main__":
    main()
