"""The page of an evaluation: verdict, metrics by slice, confusion matrix, mistakes; it opens from disk."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nst_keras.reports.look import encode_png
from nst_keras.reports.page_parts import cards, frame, heading, image, label, table, warning_list
from nst_keras.reports.training_plots import confident_mistakes, confusion_matrix
from pipelines.judging.classifier_metrics import Judged, surest_mistakes
from pipelines.judging.verdicts import Blessing

MOST_MISTAKES = 24


def render_evaluation(
    metrics: Mapping[str, Any], blessing: Blessing, judged: Judged, mistakes: np.ndarray
) -> str:
    """Renders what metrics.json holds, the verdict and `surest_mistakes` as HTML that loads nothing else.

    The first of the mistakes, at most `MOST_MISTAKES`, are pictures, uint8 [n, height, width, channels].
    """
    verdict = "Blessed" if blessing.blessed else "Not blessed"
    parts = [heading(verdict), *warning_list(blessing.reasons), *cards(metrics["overall"])]
    if metrics["comparison"]:
        parts += [heading("Against the baseline, on the same pictures"), *cards(metrics["comparison"])]
    rows = metrics["slices"]
    columns = [key for key in rows[0] if key not in ("slice", "value")]
    cells = [[f"{row['slice']}: {row['value']}", *(row[key] for key in columns)] for row in rows]
    parts += [heading("Slices"), table(["slice", *map(label, columns)], cells)]
    matrix = confusion_matrix(judged.predictions.labels, judged.answers, judged.class_names)
    description = "Counts by true and predicted class"
    parts += [heading("Confusion matrix"), image(encode_png(matrix), description)]
    which, chances = surest_mistakes(judged)
    figure = confident_mistakes(
        mistakes, judged.predictions.labels[which], chances, judged.class_names, MOST_MISTAKES
    )
    text = "Pictures with true and predicted class"
    parts += [heading("Surest mistakes"), image(encode_png(figure), text)]
    return frame(f"Evaluation on {metrics['split']} of {metrics['dataset']}", parts)
