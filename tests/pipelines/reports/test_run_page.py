"""A run's report: opens from disk without the network, and says what was done and made."""

import contextlib
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import pytest

from nst_keras.errors import InputError
from pipelines.engine.choices import change_configs
from pipelines.engine.execution.runner import Runner
from pipelines.engine.store.store import Store
from pipelines.reports.graph_svg import Box, draw
from pipelines.reports.run_page import write_report


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "root")
    yield opened
    opened.close()


class _Addresses(HTMLParser):
    """Collects what a page points at."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attributes if name in ("src", "href", "data", "action")]


@pytest.fixture
def page(tiny: ModuleType, store: Store, tmp_path: Path) -> Callable[..., tuple[Path, str]]:
    """Runs a pipeline and reads the report that is written of it."""

    def page(*changes: str) -> tuple[Path, str]:
        pipeline = change_configs(tiny.pipeline(tmp_path / "models"), changes)
        runner = Runner(pipeline, store)
        with contextlib.suppress(InputError):
            runner.run("python -m pipelines.run '<command>'", "1")
        path = write_report(store, runner.run_id)
        return path, path.read_text()

    return page


def test_everything_is_in_the_page_or_beside_it(page: Callable[..., tuple[Path, str]], store: Store) -> None:
    path, text = page()
    assert path == store.root / "reports" / "run-1.html"
    assert (store.root / "reports" / "latest.html").read_text() == text
    assert "default-src 'none'" in text
    for address in _Addresses(text).found:
        if address.startswith("#"):
            assert f'id="{address[1:]}"' in text
        elif not address.startswith("data:image/"):
            assert (path.parent / unquote(address)).exists(), address


def test_it_says_what_was_done_and_made(page: Callable[..., tuple[Path, str]]) -> None:
    _, text = page()
    for name in ("Gather", "Count", "Train", "Judge", "Push"):
        assert f'<h2 id="{name}">' in text
    assert "to be or not to be" in text and "loss" in text and "statistics/index.html" in text
    assert '<img alt="model/curve.png" src="data:image/png;base64,' in text
    assert "<span" in text and ">complete</span>" in text and "cached" not in text
    assert "&#x27;&lt;command&gt;&#x27;" in text


def test_states_are_told(page: Callable[..., tuple[Path, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    page()
    assert ">cached</span>" in page()[1]
    monkeypatch.setenv("TINY_TRICK", "train:refuse")
    _, text = page("Train.rate=0.7")
    states = re.findall(r'<span style="background:#\w+">([\w ]+)</span>', text)
    assert states == ["cached", "failed", "not run"]
    assert "<li>Train: words must be better</li>" in text


def test_text_is_escaped(page: Callable[..., tuple[Path, str]]) -> None:
    _, text = page("Gather.words=<script>alert('1')</script> & more")
    assert "<script" not in text and "&lt;script&gt;" in text and "&amp; more" in text


def test_large_pictures_are_linked(
    page: Callable[..., tuple[Path, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.reports.run_page._EMBEDDED_BYTES", 10)
    _, text = page()
    assert "<img" not in text and ">model/curve.png</a>" in text


def test_artifacts_that_are_gone_are_not_linked(page: Callable[..., tuple[Path, str]], store: Store) -> None:
    path, _ = page()
    store.connection.execute("UPDATE artifact SET state='collected' WHERE kind='Model'")
    text = write_report(store, 1).read_text()
    assert re.search(r"model: Model \d+, \w{12}, [\d,]+ bytes, collected", text) and path.is_file()


def test_an_unknown_run_is_told(store: Store) -> None:
    with pytest.raises(InputError, match="has no run 3"):
        write_report(store, 3)


def test_a_report_that_cannot_be_written_is_told(store: Store) -> None:
    run = store.begin_run("words", "command", "1")
    (store.root / "reports").write_text("in the way")
    with pytest.raises(InputError, match="reports: cannot be made: File exists"):
        write_report(store, run)


def test_a_graph_goes_from_left_to_right() -> None:
    boxes = {key: Box((key.upper(), "<state>"), "#fff", f"#{key}") for key in "abcd"}
    drawn = draw(boxes, [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("a", "nowhere")])
    places = {key: float(re.search(rf'href="#{key}"><rect x="(\d+)"', drawn)[1]) for key in boxes}  # type: ignore[index]
    assert places["a"] < places["b"] == places["c"] < places["d"]
    assert drawn.count("<path") == 4 and "&lt;state&gt;" in drawn
    assert "<rect" not in draw({}, [])


def test_what_follows_a_circle_has_layers_of_its_own() -> None:
    """As the lineage of examples that a stage made anew just as they were."""
    boxes = {key: Box((key,), "#fff", f"#{key}") for key in "fedcba"}
    arrows = [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("b", "e"), ("d", "f"), ("e", "f")]
    drawn = draw(boxes, arrows)
    assert drawn.count("<path") == len(arrows) and drawn.count('class="back"') == 1
    places = {key: float(re.search(rf'href="#{key}"><rect x="(\d+)"', drawn)[1]) for key in boxes}  # type: ignore[index]
    assert places["a"] < places["b"] < places["c"] == places["e"] < places["d"] < places["f"]


def test_a_refused_model_is_told_at_the_top(page: Callable[..., tuple[Path, str]]) -> None:
    text = page("Judge.least=0.9")[1]
    assert "<li>Judge: no reason is given</li>" in text
    assert "<td>complete; the model was refused</td>" in text
    states = re.findall(r'<span style="background:#\w+">([\w ]+)</span>', text)
    assert states == ["complete", "refused"]
    assert ">refused</span>" in page("Judge.least=0.9")[1], "also of an earlier execution"


def test_the_number_that_a_run_is_done_for_is_large(
    page: Callable[..., tuple[Path, str]], store: Store
) -> None:
    page()
    store.connection.execute("UPDATE execution SET record='{\"accuracy\": 0.98765}' WHERE node='Judge'")
    text = write_report(store, 1).read_text()
    assert '<p class="headline"><b>98.8 %</b> of the pictures' in text
