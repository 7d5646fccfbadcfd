"""The page about how good a classifier is: overall, on kinds of pictures, against another one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nst_keras.reports.look import encode_png
from nst_keras.reports.page_parts import cards, frame, heading, headline, image, label, table, warning_list
from nst_keras.reports.training_plots import confident_mistakes, confusion_matrix
from pipelines.judging.tallies import MOST_MISTAKES, Mistakes
from pipelines.judging.verdicts import Blessing


def render_evaluation(metrics: Mapping[str, Any], blessing: Blessing, mistakes: Mistakes) -> str:
    """Renders what metrics.json holds, the verdict and the surest mistakes as HTML that loads nothing."""
    verdict = "Blessed" if blessing.blessed else "Not blessed"
    overall = metrics["overall"]
    low, high = 100 * overall["accuracy_low"], 100 * overall["accuracy_high"]
    words = f"of {overall['pictures']} pictures are named rightly (95 % interval {low:.1f} to {high:.1f} %)"
    parts = [headline(overall["accuracy"], words)]
    parts += [heading(verdict), *warning_list(blessing.reasons), *cards(overall)]
    if metrics["comparison"]:
        parts += [heading("Against the baseline, on the same pictures"), *cards(metrics["comparison"])]
    rows = metrics["slices"]
    columns = [key for key in rows[0] if key not in ("slice", "value")]
    cells = [[f"{row['slice']}: {row['value']}", *(row[key] for key in columns)] for row in rows]
    parts += [heading("Slices"), table(["slice", *map(label, columns)], cells)]
    counts, names = np.array(metrics["confusion"]), metrics["class_names"]
    matrix = confusion_matrix(counts, names)
    parts += [heading("Confusion matrix"), image(encode_png(matrix), "Counts by true and predicted class")]
    total = int(counts.sum()), int(counts.sum() - np.trace(counts))
    figure = confident_mistakes(
        mistakes.pictures, mistakes.labels, mistakes.chances, names, MOST_MISTAKES, total
    )
    parts += [heading("Surest mistakes"), image(encode_png(figure), "Pictures with true and predicted class")]
    return frame(f"Evaluation on {metrics['split']} of {metrics['dataset']}", parts)
