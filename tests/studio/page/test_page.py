"""What people do on the page: with the mouse, with keys, on a phone, over a reload."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nst_keras.pictures.images import read_settings
from nst_keras.studio.about import about
from nst_keras.studio.settings import StudioSettings
from nst_keras.studio.studio import Studio

HERE = Path(__file__).parent
PAGE = Path(__file__).parents[3] / "nst_keras" / "studio" / "page"
CONTROLS = (HERE / "controls.js").read_text()
CONTRAST = (HERE / "contrast.js").read_text()
Save = Callable[[Any, str], Path]
PAINTED = "#label .facts:has-text('painted in')"


@pytest.fixture(autouse=True)
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_STEP_SECONDS", "0.01")


def jobs(page: Any) -> list[dict[str, Any]]:
    return page.evaluate(
        "fetch('/api/jobs', {headers: {Authorization: 'Bearer ' + sessionStorage.getItem('studio-token')}})"
        ".then((answer) => answer.json())"
    )


@contextmanager
def painting(page: Any) -> Iterator[None]:
    """Waits until what is done in the block is painted at full size."""

    def is_exact(answer: Any) -> bool:
        return answer.url.endswith("/api/paint") and "x-result" in answer.headers  # it is kept

    with page.expect_response(is_exact):
        yield
    page.wait_for_selector(PAINTED)


def begin_fine(page: Any) -> None:
    page.click("#ways .pill:nth-of-type(2)")
    page.click("#begin")


def test_paints_with_the_mouse_and_keeps_the_picture(visit: Callable[..., Any], save: Save) -> None:
    page = visit()
    page.wait_for_selector(PAINTED)
    with painting(page):
        page.click('.tile[data-name="sample:flower"]')
    page.click(".switch")
    assert page.locator("#gallery .outside").count() == 0
    with painting(page):
        page.click('.tile[data-name="night_cafe"]')
    slider = page.locator("#fast-strength")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 12, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
    assert "50" in page.inner_text('[data-field="strength"] output')
    with painting(page):
        page.mouse.up()
    kept = save(page, "#keep button:has-text('PNG')")

    assert page.get_attribute("#history .thumb >> nth=0", "aria-pressed") == "true"
    newest = jobs(page)[0]["request"]
    assert newest["content"] == "sample:flower"
    assert newest["styles"] == ["great_wave", "night_cafe"] and newest["style_weights"] == [1, 1]
    assert newest["settings"]["strength"] == pytest.approx(0.5, abs=0.02)
    assert read_settings(kept)["settings"]["strength"] == newest["settings"]["strength"]
    page.click("#keep button:has-text('command')")
    assert "--style=great_wave,night_cafe" in page.inner_text("#dialog pre")


@pytest.mark.large
def test_a_dropped_picture_brings_its_settings(visit: Callable[..., Any], save: Save) -> None:
    page = visit()
    page.wait_for_selector(PAINTED)
    with painting(page):
        page.click("#fast-form .pill:has-text('photo')")
    kept = save(page, "#keep button:has-text('WebP')")
    page.click("#fast-form .pill:has-text('painting')")
    page.click('.tile[data-name="sample:flower"]')
    page.set_input_files("#photos input[type=file]", kept)
    page.wait_for_selector("#notes button:has-text('Only the picture')")
    assert page.get_attribute('.tile[data-name="sample:flower"]', "aria-pressed") == "true"
    page.click("#notes button:has-text('settings')")
    page.wait_for_selector("#fast-form input[value=luma]:checked", state="attached")
    assert page.get_attribute('.tile[data-name="sample:china"]', "aria-pressed") == "true"


@pytest.mark.large
def test_other_tabs_and_browsers_know_what_is_brought(
    visit: Callable[..., Any], studio: Any, tmp_path: Path
) -> None:
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "my_cat.png")
    page = visit()
    page.wait_for_selector(PAINTED)
    address = f"http://127.0.0.1:{studio.server.port}/#token=token"
    tab = page.context.new_page()
    tab.goto(address)
    tab.wait_for_selector("#history .thumb")
    with painting(page):
        page.set_input_files("#photos input[type=file]", tmp_path / "my_cat.png")
    tab.wait_for_selector("#photos .tile:has-text('my cat')")
    visit(address).wait_for_selector("#history .thumb[title^='my cat']")
    begin_fine(page)
    page.wait_for_selector("#run .state:has-text('step')")
    page.click("#ways .pill:nth-of-type(1)")  # what was painted at once hangs again
    page.wait_for_selector("#run", state="hidden")
    page.wait_for_selector("#label .facts:not(:has-text('Painting'))")
    # Another tab may have changed what is brought, which this one hasn't heard of yet.
    page.evaluate("localStorage.setItem('studio-pictures', '[]')")
    page.click("#ways .pill:nth-of-type(2)")
    assert page.evaluate("localStorage.getItem('studio-pictures')") == "[]"


@pytest.mark.large
def test_a_reload_and_a_new_server_find_the_job(
    visit: Callable[..., Any], studio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_STEP_SECONDS", "0.1")
    page = visit()
    page.wait_for_selector(PAINTED)
    begin_fine(page)
    page.wait_for_selector("#run .state:has-text('step')")
    page.reload()
    page.wait_for_selector("#run .state:has-text('step')")
    assert page.get_attribute("#history .thumb >> nth=0", "aria-pressed") == "true"
    page.click("#run button:has-text('Pause')")
    page.wait_for_selector("#run .state:has-text('Paused')")
    page.click("#run button:has-text('Go on') >> nth=0")
    page.wait_for_selector("#run .state:has-text('step')")
    port = studio.server.port
    studio.stop()
    page.click("#keep button:has-text('command')")
    page.wait_for_selector("#notes .error:has-text('answer')")
    studio.start(port)
    page.wait_for_selector("#notes .error", state="detached")
    page.wait_for_selector("#run .state:has-text('step')")
    page.click("#run button:has-text('Stop and keep')")
    page.wait_for_selector("#run .state:has-text('Stopped')")
    assert page.is_enabled("#keep button:has-text('PNG')")
    assert page.get_attribute("#run polyline", "points").count(",") > 2
    page.click("#run button:has-text('Go on') >> nth=0")
    page.wait_for_selector("#run .state:has-text('Finished')")
    done = jobs(page)[0]
    assert done["step"] == done["num_steps"]
    with page.expect_request(
        f"**/api/pictures/{done['id']}?side=1024"
    ):  # what it begins with hangs meanwhile
        page.click("#run button:has-text('Go on larger')")


@pytest.mark.large
def test_regions_painted_by_hand_go_along(visit: Callable[..., Any], save: Save) -> None:
    page = visit()
    page.wait_for_selector(PAINTED)
    page.click('.tile[data-name="sample:strokes"]')
    page.click("[data-tool=compare]")
    page.click("[data-tool=mask]")
    box = page.locator("#mask").bounding_box()
    assert page.is_hidden("#split") and page.locator("[data-tool=compare]").count() == 0
    with page.expect_response(lambda answer: answer.request.method == "PUT") as put:
        page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
        page.mouse.up()
    page.select_option("#mask-bar .region >> nth=0 >> select", "sample:ink")
    with painting(page):
        page.click("#mask-bar button:has-text('Ready')")
    page.wait_for_selector("#by-mask:has-text('Ink, Strokes')")
    assert jobs(page)[0]["request"]["style_masks"] == ["black", "white"]
    page.click("#ways .pill:nth-of-type(2)")
    page.click("#begin")
    page.wait_for_selector("#run .state:has-text('Finished')")
    request = jobs(page)[0]["request"]
    assert request["content_mask"] == put.value.json()["id"]
    assert request["style_masks"] == ["black", "white"] and request["styles"] == [
        "sample:ink",
        "sample:strokes",
    ]
    page.click("#keep button:has-text('command')")
    mask = save(page, "#dialog button:has-text('mask')")
    assert len(Image.open(mask).getcolors()) >= 2


def test_names_from_outside_are_shown_as_text(
    visit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "<img src=x onerror=document.title='taken'>"
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "plain.png")
    add = Studio._add_picture  # which would take the signs out
    told = {"name": name, "recipe_problem": name}
    monkeypatch.setattr(Studio, "_add_picture", lambda self, request: {**add(self, request), **told})
    page = visit()
    page.wait_for_selector(PAINTED)
    page.set_input_files("#photos input[type=file]", tmp_path / "plain.png")
    for part in ("#photos", "#label", "#notes"):
        page.locator(part).get_by_text(name).first.wait_for()
    assert page.locator("img[src=x]").count() == 0 and page.title() == "Studio"
    text = {"name": "text.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.set_input_files("#photos input[type=file]", text)
    assert "text.png" in page.inner_text("#notes .error")


@pytest.mark.large
def test_the_lesson_shows_what_layers_see_of_the_photo(visit: Callable[..., Any]) -> None:
    page = visit()
    page.wait_for_selector(PAINTED)
    with painting(page):
        page.click('.tile[data-name="sample:strokes"]')
    with page.expect_request("**/api/learn/features"):  # so that the network is awake when it is wanted
        page.click("#learn")
    page.click("#dialog .pill:has-text('Your photo')")
    page.click("#dialog [data-channel='3']")
    assert page.get_attribute("#dialog [data-channel='3']", "aria-pressed") == "true"
    assert page.inner_text("#dialog .maps figcaption").startswith("Channel ")
    titles = page.locator("#dialog .tables figcaption:first-child").all_inner_texts()
    assert titles == ["Photo", "Painted", "Painting"]
    page.select_option("#dialog select", "relu4_2")
    page.wait_for_selector("#dialog .places canvas")
    assert page.locator("#dialog .tables").count() == 0
    page.route("**/api/learn/features", lambda route: route.abort())
    page.select_option("#dialog select", "relu3_2")
    page.wait_for_selector("#dialog .looking:has-text('answer')")


@pytest.mark.large
def test_works_by_keys_alone(visit: Callable[..., Any]) -> None:
    page = visit()
    page.wait_for_selector(PAINTED)
    assert page.evaluate("document.activeElement === document.body")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")

    def tab_to(selector: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                drawn = "[document.activeElement, document.activeElement.nextElementSibling ?? document.body]"
                outlines = page.evaluate(f"{drawn}.map((each) => getComputedStyle(each).outlineStyle)")
                assert "solid" in outlines, selector
                return
        raise AssertionError(f"{selector} can't be reached by Tab")

    tab_to("#ways input:checked")
    page.keyboard.press("ArrowRight")
    tab_to('.tile[data-name="sample:ink"]')
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.name") == "sample:ink"
    tab_to("[name=preset]:checked")
    page.keyboard.press("ArrowDown")
    tab_to("#begin")
    page.keyboard.press("Enter")
    page.wait_for_selector("#run .state:has-text('Finished')")
    request = jobs(page)[0]["request"]
    assert request["styles"] == ["sample:ink"] and request["preset"] == "preview"
    page.focus("#wall")
    page.keyboard.press("c")
    page.focus("#split-range")
    page.keyboard.press("ArrowLeft")
    assert page.input_value("#split-range") == "49"
    page.focus("[data-tool=mask]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#mask:focus")
    for key in ("]", " ", "ArrowRight", "ArrowRight", " "):
        page.keyboard.press(key)
    middle = "document.querySelector('#mask').getContext('2d').getImageData(%s, 200, 1, 1).data[0]"
    assert page.evaluate(middle % 330) == 255 and page.evaluate(middle % 20) == 0
    page.keyboard.press("Escape")
    assert page.locator("#mask").count() == 0


GIVE = """([bytes, kind, x]) => {
  const file = new File([new Uint8Array(bytes)], 'my_cat.png', { type: 'image/png' });
  const data = new DataTransfer();
  data.items.add(file);
  // Firefox takes no files into a ClipboardEvent of a script.
  if (kind === 'paste') dispatchEvent(Object.assign(new Event('paste'), { clipboardData: data }));
  else dispatchEvent(new DragEvent('drop', { dataTransfer: data, clientX: x, cancelable: true }));
}"""


@pytest.mark.large
def test_pictures_are_dropped_and_pasted_and_zoomed(visit: Callable[..., Any], save: Save) -> None:
    buffers = [io.BytesIO(), io.BytesIO()]
    for color, buffer in zip(("teal", "tan"), buffers, strict=True):
        Image.new("RGB", (96, 64), color).save(buffer, "PNG")
    first, second = (list(buffer.getvalue()) for buffer in buffers)
    page = visit()
    page.wait_for_selector(PAINTED)
    page.evaluate(GIVE, [first, "drop", 1000])
    page.wait_for_selector("#label em:has-text('my cat')")
    with painting(page):
        page.evaluate(GIVE, [second, "paste", 0])
    page.wait_for_selector("#label .title span:has-text('my cat 2')")
    page.click("#keep button:has-text('command')")
    assert "--content=my_cat_2.png --style=my_cat.png" in page.inner_text("#dialog pre")
    saved = save(page, "#dialog button:has-text('Download my_cat_2.png')")
    assert saved.name == "my_cat_2.png" and list(saved.read_bytes()) == second
    page.keyboard.press("Escape")
    box = page.locator(".sheet").bounding_box()
    x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 4
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    zoomed = page.locator(".sheet").bounding_box()
    assert zoomed["width"] > 2 * box["width"]
    assert (x - zoomed["x"]) / zoomed["width"] == pytest.approx(0.25, abs=0.01)
    page.keyboard.press("Tab")
    page.focus("#wall")
    page.keyboard.press("0")
    assert page.locator(".sheet").bounding_box() == pytest.approx(box, abs=1)


@pytest.mark.parametrize("locale", ["en-GB", pytest.param("es-ES", marks=pytest.mark.large)])
def test_fits_a_phone(visit: Callable[..., Any], locale: str) -> None:
    page = visit(viewport={"width": 360, "height": 740}, locale=locale, has_touch=True)
    page.wait_for_selector("#label .facts:has-text('0.12 s'), #label .facts:has-text('0,12 s')")
    assert page.get_attribute("html", "lang") == locale[:2]
    named = page.inner_text("#label em")
    assert named == {"en": "after Great wave", "es": "según La gran ola"}[locale[:2]]
    assert page.is_visible("#history .remove")
    for part in range(4):
        page.click(f"#tabs button >> nth={part}")
        if part == 2:
            page.click("#ways .pill:nth-of-type(2)")
            page.click("#optimize-form summary")
        wide, room = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= room
        for control in page.evaluate(CONTROLS):
            assert control["name"], control
            assert control["height"] >= 44 and control["width"] >= 44, control
    other = {"en": "es", "es": "en"}[locale[:2]]
    page.click(f"#languages [lang={other}]")
    page.wait_for_selector(f"html[lang={other}]")
    assert page.evaluate("document.activeElement.lang") == other


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.large)])
def test_texts_can_be_read_whatever_the_painting_tints(visit: Callable[..., Any], scheme: str) -> None:
    page = visit(color_scheme=scheme)
    page.wait_for_selector(PAINTED)
    page.click("#ways .pill:nth-of-type(2)")
    for hue in (30, 100, 150, 200, 260, 330):
        page.evaluate(f"document.documentElement.style.setProperty('--hue', {hue})")
        page.evaluate("document.documentElement.style.setProperty('--tint', 1)")
        least, text = page.evaluate(CONTRAST)[0]
        assert least >= 4.5, f"{text!r} has contrast {least:.2f} at hue {hue}"


def test_both_languages_have_every_text() -> None:
    keys = {
        language: set(re.findall(r"^  (\w+):", (PAGE / f"strings.{language}.js").read_text(), re.MULTILINE))
        for language in ("en", "es")
    }
    # Of settings, presets, samples and styles the server tells in English, from where they are made.
    told = about(StudioSettings())
    fields = {field["name"]: field for way in told["fields"].values() for field in way}
    wanted = {f"{kind}_{name}" for name in fields for kind in ("field", "help")}
    wanted |= {f"{kind}_{preset['name']}" for preset in told["presets"] for kind in ("preset", "preset_help")}
    made = [*told["samples"]["content"], *told["samples"]["style"], *told["styles"]]
    words = {item["name"].removeprefix("sample:").rstrip("0123456789") for item in made}
    wanted |= {f"{kind}_{word}" for word in words for kind in ("title", "credit")}
    assert wanted - keys["es"] == set()
    assert all(preset["help"] for preset in told["presets"])
    told_in_english = ("help_", "preset_help_", "title_", "credit_")
    stray = {key for key in keys["es"] if key.startswith(told_in_english)} - wanted
    assert stray <= {"preset_help_best"}
    others = {key for key in keys["es"] ^ keys["en"] if not key.startswith((*told_in_english, "choice_"))}
    assert others == set()
    used = set()
    for path in [*PAGE.glob("*.js"), PAGE / "index.html"]:
        text = path.read_text()
        used |= set(re.findall(r"""\bt\("(\w+)"|data-t(?:-label)?="(\w+)\"""", text))
    used_keys = {one or other for one, other in used}
    assert used_keys - keys["en"] == set()
    assert {"stopKeep", "photo", "pictureKeys"} <= used_keys


def test_the_page_is_small_and_asks_nobody_else() -> None:
    files = [path for path in PAGE.iterdir() if path.is_file()]
    loaded = [path for path in files if path.name != "strings.en.js"]  # of one language, which is shorter
    assert sum(path.stat().st_size for path in loaded) <= 150_000
    assert len(files) <= 18
    for path in files:
        addresses = re.findall(r"https?://[^\s\"'`)]+", path.read_text())
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}, path.name
