"""The page of a stylizer's evaluation: verdict, contact sheet, distances by slice; it opens from disk."""

from collections.abc import Mapping
from typing import Any

from nst_keras.reports.page_parts import cards, frame, heading, image, table, warning_list
from pipelines.judging.verdicts import Blessing

_HEADS = ("style", "network", "style distance", "photo's own", "nearer by", "content distance", "saturated")


def render_evaluation(metrics: Mapping[str, Any], blessing: Blessing, sheet: bytes) -> str:
    """Renders what metrics.json holds, verdict and contact sheet (JPEG) as HTML that loads nothing else."""
    parts = [heading("Blessed" if blessing.blessed else "Not blessed"), *warning_list(blessing.reasons)]
    for network, values in metrics["overall"].items():
        parts += [heading(f"By {network}, all judged styles"), *cards(values)]
    if metrics["baseline"] and metrics["model_on_shared"]:
        both = {"model": metrics["model_on_shared"], "baseline": metrics["baseline"]}
        rows = [
            [role, network, *values.values()]
            for role, judged in both.items()
            for network, values in judged.items()
        ]
        columns = next(iter(metrics["baseline"].values()))
        parts += [heading("Beside the model that was blessed last"), table(["", "network", *columns], rows)]
    parts.append(heading("Photos and slices in all styles"))
    parts.append(image(sheet, "Photos, and below them the slices", "jpeg"))
    for name, styles in metrics["slices"].items():
        parts += [heading(f"Slice {name}"), _slice_table(styles)]
    if metrics["errors"]:
        parts += [heading("Photos that weren't used"), *warning_list(metrics["errors"])]
    return frame("Evaluation of a stylizer", parts)


def _slice_table(styles: Mapping[str, Any]) -> str:
    rows = []
    for style, row in styles.items():
        for network, values in row.get("distances", {"none": {}}).items():
            kinds = ("style", "photo_style", "fall", "content")
            rows.append([style, network, *(values.get(kind, "") for kind in kinds), row["saturated"]])
    return table(_HEADS, rows)
