"""Means by slice and style, and what speaks against a stylizer."""

from typing import Any

import pytest

from pipelines.judging.stylizer_evaluation import (
    find_artefacts_above,
    find_failures,
    find_objections,
    render_evaluation,
    summarize,
)
from pipelines.judging.verdicts import Blessing

LIMITS = {"least_fall": 0.2, "most_content": {"vgg19": 1.0}, "most_worse": 0.1}


def _judged(style: float, content: float, saturated: float = 0.0) -> dict[str, Any]:
    distances = {"vgg19": {"style": style, "content": content, "photo_style": 1.0}}
    return {"finite": True, "constant": False, "saturated": saturated, "distances": distances}


def _photo(name: str, model: dict[str, Any], baseline: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"photo": name, "slices": [], "model": model, "baseline": baseline}


def test_means_are_over_photos_and_styles() -> None:
    kept = {"finite": True, "constant": False, "saturated": 0.1}
    photos = [
        _photo("a", {"wave": _judged(0.2, 0.5), "cafe": _judged(0.4, 0.7), "kept": kept}),
        _photo("b", {"wave": _judged(0.4, 0.7), "cafe": _judged(0.6, 0.9), "kept": kept}),
        {"photo": "c", "reason": "is damaged"},
    ]
    report = summarize(photos, {"tiny": photos[0]}, ["wave", "cafe"])
    wave = report["slices"]["all"]["wave"]["distances"]["vgg19"]
    assert wave == {"style": 0.3, "content": 0.6, "photo_style": 1.0, "fall": 0.7}
    assert report["slices"]["tiny"]["cafe"]["distances"]["vgg19"]["style"] == 0.4
    assert report["slices"]["all"]["kept"] == {"saturated": 0.1}
    assert report["overall"]["vgg19"]["style"] == pytest.approx(0.4)
    assert (report["photos"], report["errors"]) == (["a", "b"], ["c: is damaged"])
    assert report["baseline"] == {} and find_objections(report, **LIMITS) == []


@pytest.mark.parametrize(
    "style,content,reason",
    [
        (0.9, 0.5, "wave: is nearer to its painting than the photos by 10% only, by vgg19"),
        (0.3, 1.5, "wave: is 1.50 from the photos by vgg19; at most 1 is wanted"),
    ],
)
def test_what_is_too_weak_or_too_strong_is_said(style: float, content: float, reason: str) -> None:
    report = summarize([_photo("a", {"wave": _judged(style, content)})], {}, ["wave"])
    (found,) = find_objections(report, **LIMITS)
    assert reason in found


def test_what_is_seen_in_pictures_is_told_and_refused_only_above_limits_that_are_set() -> None:
    seen = {"unpainted": 0.4, "repetition": 0.03, "lattice": 20.0}
    photos = [_photo("a", {"wave": {**_judged(0.3, 0.5), "artefacts": seen}})]
    flat = _photo("a", {"wave": {**_judged(0.3, 0.5), "artefacts": {"unrest": 30.0}}})
    report = summarize(photos, {"flat": flat}, ["wave"])
    assert report["slices"]["all"]["wave"]["artefacts"] == seen
    unset: dict[str, float | None] = dict.fromkeys([*seen, "unrest"])
    assert find_artefacts_above(report, unset) == []
    assert find_artefacts_above(report, {**unset, "lattice": 20, "unrest": 10, "unpainted": 0.25}) == [
        "wave: the share of regions that keep the photo's texture is 0.40; at most 0.25 is wanted",
        "wave: the deviation of brightness in what is made of a flat photo or a gradient is 30.00; "
        "at most 10 is wanted",
    ]
    page = render_evaluation(report, Blessing(True), b"")
    assert "repetition" in page and ">30<" in page


def test_a_model_is_compared_with_the_baseline_on_the_styles_that_both_have() -> None:
    model = {"wave": _judged(0.45, 0.5), "new": _judged(0.7, 0.9)}
    worse = summarize([_photo("a", model, {"wave": _judged(0.4, 0.5)})], {}, ["wave", "new"])
    assert worse["shared"] == ["wave"]
    (found,) = find_objections(worse, **LIMITS)
    assert found.startswith("style distance by vgg19 is 0.450, more than 10% above the 0.400 of the model")
    better = summarize([_photo("a", model, {"wave": _judged(0.42, 0.5)})], {}, ["wave", "new"])
    assert find_objections(better, **LIMITS) == []


def test_pictures_that_failed_are_named_by_photo_or_slice() -> None:
    broken = {"finite": False, "constant": False, "saturated": 0.0}
    gray = {**_judged(0.5, 0.5), "constant": True}
    photos = [_photo("a", {"wave": broken, "cafe": _judged(0.5, 0.5, 0.8)})]
    found = find_failures(photos, {"dark": _photo("a", {"wave": gray})}, most_saturated=0.5)
    assert found == [
        "wave: the picture of a has values that aren't finite",
        "cafe: the picture of a has 80% of its values driven to 0 or 255, more than 50%",
        "wave: the picture of a dark photo is of one colour, though the photo isn't",
    ]
