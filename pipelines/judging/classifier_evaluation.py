"""How good a classifier is: overall, on kinds of pictures, against another one on the same ones; a page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax
from scipy.stats import binomtest

from nst_keras.classifiers.calibration import accuracy_interval, calibration_error
from nst_keras.classifiers.trainer import cross_entropy
from nst_keras.ops.confusion import confusion_counts
from nst_keras.reports.look import encode_png
from nst_keras.reports.page_parts import cards, frame, heading, headline, image, label, table, warning_list
from nst_keras.reports.training_plots import confident_mistakes, confusion_matrix
from pipelines.judging.predictions import Predictions
from pipelines.judging.verdicts import Blessing

MOST_MISTAKES = 24  # on the page
# Where kinds of pictures begin and end: luma on 0..255, and pixels.
_DARK, _BRIGHT = 85, 170
_FLAT = 20  # standard deviation
_TINY, _HUGE = 32, 1024  # the shorter side, and the longer one
_DRAWS = 10_000


@dataclass(frozen=True)
class Judged:
    """Predictions, and how to read them."""

    predictions: Predictions
    class_names: tuple[str, ...]  # one for each logit
    temperature: float  # divides the logits
    has_chances: bool  # whether there are probabilities at all

    @property
    def answers(self) -> np.ndarray:
        """The classes that are predicted, [n]."""
        return self.predictions.logits.argmax(axis=1)

    @property
    def right(self) -> np.ndarray:
        """Which of them are right, bool [n]."""
        return self.answers == self.predictions.labels


def measure_all(judged: Judged, baseline: Judged | None) -> dict[str, Any]:
    """All metrics of a model, and its comparison with another one on the same pictures, as plain values."""
    confusion = confusion_counts(judged.predictions.labels, judged.answers, len(judged.class_names))
    return {
        "overall": _measure(judged),
        "comparison": _compare(judged, baseline) if baseline else None,
        "slices": _measure_slices(judged, baseline),
        "class_names": list(judged.class_names),
        "confusion": confusion.tolist(),  # counts by true class (rows) and predicted one
    }


def _measure(judged: Judged, which: np.ndarray | slice = slice(None)) -> dict[str, Any]:
    """Metrics over some pictures, at least one; accuracies with a 95 % interval, the loss in nats."""
    right = judged.right[which]
    low, high = accuracy_interval(int(right.sum()), len(right))
    accuracy = {"accuracy": float(right.mean()), "accuracy_low": low, "accuracy_high": high}
    metrics: dict[str, Any] = {"pictures": len(right), **accuracy}
    if judged.has_chances:
        logits, labels = judged.predictions.logits[which], judged.predictions.labels[which]
        metrics["loss"] = cross_entropy(logits / judged.temperature, labels)
        metrics["calibration_error"] = calibration_error(logits, labels, judged.temperature)
    return metrics


def _measure_slices(judged: Judged, baseline: Judged | None) -> list[dict[str, Any]]:
    """The same on every kind of pictures that there are: "slice" names it, and "value" which of the kind."""
    rows = []
    for name, value, which in _slices(judged):
        if which.any():
            other = {} if baseline is None else {"baseline_accuracy": float(baseline.right[which].mean())}
            rows.append({"slice": name, "value": value, **_measure(judged, which), **other})
    return rows


def _slices(judged: Judged) -> Iterator[tuple[str, str, np.ndarray]]:
    """Kind, which of the kind, and which pictures, bool [n]; a slice may have none."""
    seen = judged.predictions
    yield from (("class", name, seen.labels == number) for number, name in enumerate(judged.class_names))
    dark, bright = seen.brightness < _DARK, seen.brightness >= _BRIGHT
    yield "brightness", "dark", dark
    yield "brightness", "middle", ~dark & ~bright
    yield "brightness", "bright", bright
    yield "contrast", "flat", seen.contrast < _FLAT
    yield "contrast", "normal", seen.contrast >= _FLAT
    if len(np.unique(seen.sizes, axis=0)) > 1:
        tiny, huge = seen.sizes.min(axis=1) < _TINY, seen.sizes.max(axis=1) > _HUGE
        yield "size", "tiny", tiny
        yield "size", "normal", ~tiny & ~huge
        yield "size", "huge", huge & ~tiny


def _compare(judged: Judged, baseline: Judged) -> dict[str, float]:
    """How much more often a model is right than another one on the same pictures.

    The 95 % interval of the "difference" is a paired bootstrap's (Efron & Tibshirani 1993), the "p_value"
    that of McNemar's exact test (1947) that both are as good. Only this one gets the "gained" pictures.
    """
    gained = int(np.sum(judged.right & ~baseline.right))
    lost = int(np.sum(~judged.right & baseline.right))
    count = len(judged.right)
    # Resampling pictures is drawing how many of them are gained and lost.
    chances = np.array([gained, lost, count - gained - lost]) / count
    draws = np.random.default_rng(0).multinomial(count, chances, _DRAWS)
    low, high = np.quantile((draws[:, 0] - draws[:, 1]) / count, [0.025, 0.975])
    differing = gained + lost
    return {
        "baseline_accuracy": float(baseline.right.mean()),
        "difference": (gained - lost) / count,
        "difference_low": float(low),
        "difference_high": float(high),
        "p_value": float(binomtest(gained, differing).pvalue) if differing else 1.0,
        "gained": gained,
        "lost": lost,
    }


def surest_mistakes(judged: Judged) -> tuple[np.ndarray, np.ndarray]:
    """Mistakes, the surest first: their indices [n], and the probabilities that were given, [n, classes]."""
    wrong = np.flatnonzero(~judged.right)
    chances = softmax(judged.predictions.logits[wrong] / judged.temperature, axis=1)
    order = np.argsort(-chances.max(axis=1), kind="stable")
    return wrong[order], chances[order]


def render_evaluation(
    metrics: Mapping[str, Any], blessing: Blessing, judged: Judged, mistakes: np.ndarray
) -> str:
    """Renders what metrics.json holds, the verdict and `surest_mistakes` as HTML that loads nothing else.

    The first of the mistakes, at most `MOST_MISTAKES`, are pictures, uint8 [n, height, width, channels].
    """
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
    matrix = confusion_matrix(judged.predictions.labels, judged.answers, judged.class_names)
    parts += [heading("Confusion matrix"), image(encode_png(matrix), "Counts by true and predicted class")]
    which, chances = surest_mistakes(judged)
    labels = judged.predictions.labels[which]
    figure = confident_mistakes(mistakes, labels, chances, judged.class_names, MOST_MISTAKES)
    parts += [heading("Surest mistakes"), image(encode_png(figure), "Pictures with true and predicted class")]
    return frame(f"Evaluation on {metrics['split']} of {metrics['dataset']}", parts)
