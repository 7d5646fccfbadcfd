"""The report of a training: figures as PNG, numbers as JSON, and one page that shows all of it."""

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.classifiers.plan import REPORT
from nst_keras.ops.confusion import ClassScores, class_scores, confusion_counts
from nst_keras.reports.look import encode_png
from nst_keras.reports.page_parts import (
    cards,
    frame,
    heading,
    headline,
    image,
    label,
    pairs,
    table,
    warning_list,
)
from nst_keras.reports.training_plots import confident_mistakes, confusion_matrix, learning_curves
from nst_keras.storage.files import write_whole

_CAPTIONS = {
    "learning_curves.png": ("Learning curves", "Loss, accuracy and learning rate by epoch"),
    "confusion_matrix.png": ("Confusion matrix", "Counts by true and predicted class, as in report.json"),
    "mistakes.png": ("Most confident mistakes", "Pictures with true and predicted class"),
}


@dataclass(frozen=True)
class Predictions:
    """What a classifier says of pictures.

    Attributes:
        images: uint8 [n, height, width, channels].
        labels: True classes, int [n], 0..classes - 1.
        probabilities: Of each class, float [n, classes]; the largest is the prediction.
    """

    images: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray

    def __post_init__(self) -> None:
        shapes = (self.images.shape, self.labels.shape, self.probabilities.shape)
        fits = tuple(map(len, shapes)) == (4, 1, 2) and len({shape[0] for shape in shapes}) == 1
        if not fits:
            raise ValueError(
                "images, labels, probabilities must be of shapes [n, h, w, c], [n], [n, classes]. "
                f"Received: {', '.join(map(str, shapes))}"
            )


def write_report(
    folder: Path,
    record: Mapping[str, Any],
    history: Sequence[Mapping[str, float]],
    predictions: Predictions,
    class_names: Sequence[str],
    more: Mapping[str, tuple[str, str, bytes]] | None = None,
) -> Path:
    """Writes learning_curves.png, confusion_matrix.png, mistakes.png, report.json and, last, report.html.

    Each file is written whole and replaces one that was there; the same arguments give the same bytes.
    Returns the path of the page.

    Args:
        folder: Where to; made if it isn't there.
        record: What is known of the run, as JSON can hold it: model, dataset, metrics, settings, time,
            fingerprints, warnings, or anything else. report.json holds it beside `history`, `classes`
            (precision, recall, F1 and support of each) and `confusion_matrix` (rows are true classes).
            Numbers that JSON lacks, NaN and the infinities, become null there.
        history: One mapping an epoch; see `learning_curves`.
        predictions: On the test pictures.
        class_names: As many as `predictions` has classes.
        more: Other pictures to write and show: name of the file to heading, description and PNG bytes.
    """
    num_classes = predictions.probabilities.shape[1]
    if len(class_names) != num_classes:
        raise ValueError(f"class_names must be {num_classes} names. Received: {len(class_names)}")
    guesses = predictions.probabilities.argmax(axis=1)
    counts = confusion_counts(predictions.labels, guesses, num_classes)
    scores = class_scores(counts, class_names)
    figures = {
        "learning_curves.png": learning_curves(history),
        "confusion_matrix.png": confusion_matrix(counts, class_names),
        "mistakes.png": confident_mistakes(
            predictions.images, predictions.labels, predictions.probabilities, class_names
        ),
    }
    pictures = {name: (*_CAPTIONS[name], encode_png(figure)) for name, figure in figures.items()}
    pictures |= more or {}
    record, history = _plain(record), _plain(history)
    known = {
        **record,
        "history": history,
        "classes": [dataclasses.asdict(score) for score in scores],
        "confusion_matrix": counts.tolist(),
    }
    page = _render_page(record, history, scores, pictures.values())
    folder.mkdir(parents=True, exist_ok=True)
    for name, (_, _, data) in pictures.items():
        write_whole(folder / name, data)
    write_whole(folder / REPORT, (_format_json(known) + "\n").encode())
    write_whole(folder / "report.html", page.encode())
    return folder / "report.html"


def _plain(value: Any) -> Any:
    """Turns NumPy's numbers into Python's, and those that JSON can't hold into None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _format_json(value: Any, indent: str = "") -> str:
    """JSON that people can read too: a row of a table, and a list of numbers, take one line."""
    inner = indent + "  "
    if isinstance(value, dict) and value and len(indent) < 4:
        items = [f"{inner}{json.dumps(key)}: {_format_json(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], list | dict):
        return (
            "[\n"
            + ",\n".join(inner + json.dumps(item, ensure_ascii=False) for item in value)
            + f"\n{indent}]"
        )
    return json.dumps(value, ensure_ascii=False)


def _render_page(
    record: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    scores: Sequence[ClassScores],
    pictures: Iterable[tuple[str, str, bytes]],
) -> str:
    """One HTML page that opens from disk and loads nothing from elsewhere; every text is escaped.

    Of the record, `model` and `dataset` make the title, `metrics` the figures at the top, `warnings` a box;
    each other mapping becomes a table, and what is left one more.
    """
    names = [
        str(record[key]) for key in ("model", "dataset") if isinstance(record.get(key), str | int | float)
    ]
    metrics, warnings = record.get("metrics"), record.get("warnings") or []
    parts = _figures(metrics, sum(score.support for score in scores)) if isinstance(metrics, Mapping) else []
    parts += warning_list([warnings] if isinstance(warnings, str) else warnings)
    for title, description, png in pictures:
        parts += [heading(title), image(png, description)]
    heads = ["class", "precision", "recall", "F1", "pictures"]
    rows = [[s.name, f"{s.precision:.3f}", f"{s.recall:.3f}", f"{s.f1:.3f}", s.support] for s in scores]
    parts += [heading("Classes"), table(heads, rows)]
    parts += _record_tables(record)
    if history:
        columns = list(dict.fromkeys(key for row in history for key in row))
        rows = [[row.get(key, "-") for key in columns] for row in history]
        parts += [heading("Epochs"), table([label(key) for key in columns], rows)]
    return frame(" on ".join(names) or "Training report", parts)


def _figures(metrics: Mapping[str, Any], num_pictures: int) -> list[str]:
    """The test accuracy above all other metrics."""
    accuracy = metrics.get("test_accuracy")
    words = f"of {num_pictures} test pictures are named rightly"
    return ([headline(accuracy, words)] if isinstance(accuracy, float) else []) + cards(metrics)


def _record_tables(record: Mapping[str, Any]) -> list[str]:
    """A table for each mapping, and a last one for what stands alone."""
    parts: list[str] = []
    alone: dict[str, Any] = {}
    for key, value in record.items():
        if key in ("metrics", "warnings"):
            continue
        if isinstance(value, Mapping) and value:
            parts += [heading(label(key)), pairs(value)]
        else:
            alone[key] = value
    return parts + ([heading("Run"), pairs(alone)] if alone else [])
