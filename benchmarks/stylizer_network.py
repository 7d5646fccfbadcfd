"""What a trained network of several styles does with one-hot and blended styles, and how its loss fell."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.models.multi_style import multi_style
from nst_keras.stylizers.judges import Distances
from nst_keras.stylizers.multi_style.file import MultiStyleStylizer

_WEIGHTS = (1.0, 0.75, 0.5, 0.25, 0.0)
_TENTHS = 10

Judge = Callable[[np.ndarray, np.ndarray, int], Distances]


def one_hot_differences(stylizer: MultiStyleStylizer, photo: np.ndarray) -> dict[str, float]:
    """Largest difference, on 0..255, between a style of many and a network of that style alone."""
    differences = {}
    for number, name in enumerate(stylizer.styles):
        single = multi_style(1, width=stylizer.width)
        for source, target in zip(stylizer.model.weights, single.weights, strict=True):
            array = np.asarray(source)
            target.assign(array[number : number + 1] if target.name in ("gamma", "beta") else array)
        alone = _painted(single, photo, np.ones(1))
        among = _painted(stylizer.model, photo, np.eye(len(stylizer.styles))[number])
        differences[name] = float(np.abs(alone - among).max())
    return differences


def blends(stylizer: MultiStyleStylizer, photo: np.ndarray, judge: Judge) -> dict[str, Any]:
    """Style distances to both ends on the way from each style to the next; both should be monotone."""
    names, report = stylizer.styles, {}
    for first in range(len(names)):
        second = (first + 1) % len(names)
        distances = []
        for weight in _WEIGHTS:
            blend = weight * np.eye(len(names))[first] + (1 - weight) * np.eye(len(names))[second]
            picture = _painted(stylizer.model, photo, blend)
            distances.append([round(judge(picture, photo, end).style, 4) for end in (first, second)])
        from_first, to_second = np.diff(np.array(distances), axis=0).T
        report[f"{names[first]} to {names[second]}"] = {
            "distances_to_both": distances,
            "monotone": bool((from_first >= 0).all() and (to_second <= 0).all()),
        }
    return report


def training_curve(log: Path) -> dict[str, Any]:
    """The loss and its parts in tenths of the steps."""
    with log.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    report: dict[str, Any] = {"steps": int(rows[-1]["step"]), "seconds": float(rows[-1]["seconds"])}
    for part in ("loss", "style", "content"):
        columns = [name for name in rows[0] if name.partition("/")[0] == part]
        values = [sum(float(row[column]) for column in columns) for row in rows]
        tenths = [float(np.mean(some)) for some in np.array_split(values, _TENTHS)]
        report[part] = {
            "first": values[0],
            "last": values[-1],
            "means_of_tenths": [round(mean, 3) for mean in tenths],
            "largest_rise": round(max(0.0, *np.diff(tenths).tolist()), 4),
        }
    return report


def _painted(model: Any, photo: np.ndarray, blend: np.ndarray) -> np.ndarray:
    inputs = {"image": photo[np.newaxis], "style_weights": blend[np.newaxis].astype(np.float32)}
    return np.asarray(model(inputs, training=False)[0])
