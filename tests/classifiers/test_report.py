"""The report as a reader gets it: files, numbers that add up, a page that stands alone."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import precision_recall_fscore_support

from nst_keras.classifiers.report import Predictions, write_report
from nst_keras.errors import InputError

NAMES = ["cat & dog", "<b>bird</b>", "fish"]
FILES = ["confusion_matrix.png", "learning_curves.png", "mistakes.png", "report.html", "report.json"]
RECORD: dict[str, Any] = {
    "model": "small_cnn",
    "dataset": "digits",
    "metrics": {"test_accuracy": 0.8125, "test_loss": np.float32(0.25)},
    "settings": {"epochs": 2, "filters": [32, 64], "flip": True},
    "time": {"training_seconds": 12.5},
    "fingerprints": {"data": "sha256:abc"},
    "warnings": ["class <script>alert(1)</script> is rare"],
    "note": None,
}
HISTORY = [
    {"epoch": 1, "loss": 1.5, "accuracy": 0.5, "val_loss": float("nan"), "learning_rate": 0.01},
    {"epoch": 2, "loss": 1.25, "accuracy": 0.625, "val_loss": 1.125, "val_accuracy": 0.75, "seconds": 3.0},
]


class _Page(HTMLParser):
    """Collects tags, visible text and attributes, and checks that tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data + "\n"


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 40)  # no picture of the third class
    images = rng.integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    return Predictions(images, labels, rng.dirichlet(np.ones(3), 40))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, predictions: Predictions) -> Path:
    """The folder of a report."""
    folder = tmp_path_factory.mktemp("new") / "run"
    assert write_report(folder, RECORD, HISTORY, predictions, NAMES) == folder / "report.html"
    return folder


def test_writes_all_files_whole_and_the_same_bytes_again(
    written: Path, tmp_path: Path, predictions: Predictions
) -> None:
    assert sorted(file.name for file in written.iterdir()) == FILES
    for name in FILES[:3]:
        with Image.open(written / name) as picture:
            picture.load()
    write_report(tmp_path, RECORD, HISTORY, predictions, NAMES)
    for name in FILES:
        assert (written / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_json_has_record_history_and_scores_as_scikit_learn_computes_them(
    written: Path, predictions: Predictions
) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} isn't JSON")

    report = json.loads((written / "report.json").read_text(), parse_constant=refuse)
    assert {key: report[key] for key in RECORD} == RECORD
    assert report["history"][0]["val_loss"] is None
    assert report["history"][1] == HISTORY[1]
    guesses = predictions.probabilities.argmax(axis=1)
    expected = precision_recall_fscore_support(predictions.labels, guesses, labels=range(3), zero_division=0)
    for key, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        np.testing.assert_allclose([row[key] for row in report["classes"]], values)
    assert [row["name"] for row in report["classes"]] == NAMES
    matrix = np.array(report["confusion_matrix"])
    for true in range(3):
        for guess in range(3):
            assert matrix[true, guess] == ((predictions.labels == true) & (guesses == guess)).sum()


def test_page_shows_everything_and_loads_nothing(written: Path) -> None:
    text = (written / "report.html").read_text()
    page = _Page(text)
    assert not page.open
    for expected in [
        "small_cnn on digits",
        "0.8125",
        "filters",
        "32, 64",
        "12.5",
        "sha256:abc",
        "cat & dog",
        "<b>bird</b>",
        "class <script>alert(1)</script> is rare",
        "0.625",
    ]:
        assert expected in page.text, expected
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "b>"}
    assert not re.search(r"https?:|url\(|@import", text)
    sources = [attributes["src"] or "" for tag, attributes in page.tags if tag == "img"]
    embedded = [base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in sources]
    assert sorted(embedded) == sorted((written / name).read_bytes() for name in FILES[:3])


def test_renders_what_little_there_is(tmp_path: Path) -> None:
    nothing = Predictions(np.zeros((0, 4, 4, 3), np.uint8), np.zeros(0, int), np.zeros((0, 3)))
    page = _Page(write_report(tmp_path, {}, [], nothing, NAMES).read_text())
    assert "Training report" in page.text
    assert json.loads((tmp_path / "report.json").read_text())["confusion_matrix"] == [[0] * 3] * 3


def test_what_does_not_fit_is_refused_before_anything_is_written(
    tmp_path: Path, predictions: Predictions
) -> None:
    with pytest.raises(ValueError, match=r"3 names\. Received: 2"):
        write_report(tmp_path, RECORD, HISTORY, predictions, NAMES[:2])
    with pytest.raises(ValueError, match="must be of shapes"):
        Predictions(predictions.images[:3], predictions.labels, predictions.probabilities)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_take_files_is_named(tmp_path: Path, predictions: Predictions) -> None:
    (tmp_path / "mistakes.png").mkdir()
    with pytest.raises(InputError, match=r"mistakes\.png: is a folder"):
        write_report(tmp_path, RECORD, HISTORY, predictions, NAMES)
    assert not (tmp_path / "report.html").exists()
