"""The training report as one HTML page that opens from disk and loads nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from nst_keras.ops.confusion import ClassScores
from nst_keras.reports.page_parts import cards, frame, heading, image, label, pairs, table, warning_list


def render_page(
    record: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    scores: Sequence[ClassScores],
    pictures: Mapping[str, tuple[str, bytes]],
) -> str:
    """Renders a report; every text is escaped.

    Args:
        record: What is known of the run. `model` and `dataset` make the title, `metrics` the figures at
            the top, `warnings` a box; each other mapping becomes a table, and what is left one more.
        history: One mapping an epoch.
        scores: Of each class.
        pictures: Heading to description and bytes of a PNG file.
    """
    names = [str(record[key]) for key in ("model", "dataset") if _is_plain(record.get(key))]
    metrics, warnings = record.get("metrics"), record.get("warnings") or []
    parts = cards(metrics) if isinstance(metrics, Mapping) else []
    parts += warning_list([warnings] if isinstance(warnings, str) else warnings)
    for title, (description, png) in pictures.items():
        parts += [heading(title), image(png, description)]
    parts += [heading("Classes"), _score_table(scores)]
    parts += _record_tables(record)
    if history:
        columns = list(dict.fromkeys(key for row in history for key in row))
        rows = [[row.get(key, "-") for key in columns] for row in history]
        parts += [heading("Epochs"), table([label(key) for key in columns], rows)]
    return frame(" on ".join(names) or "Training report", parts)


def _score_table(scores: Sequence[ClassScores]) -> str:
    heads = ["class", "precision", "recall", "F1", "pictures"]
    rows = [[s.name, f"{s.precision:.3f}", f"{s.recall:.3f}", f"{s.f1:.3f}", s.support] for s in scores]
    return table(heads, rows)


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


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)
