"""How a stylizer's pictures were judged: means by slice and style, what speaks against it, and the page."""

from collections.abc import Mapping, Sequence
from typing import Any

from nst_keras.reports.page_parts import cards, frame, heading, headline, image, table, warning_list
from pipelines.judging.verdicts import Blessing

FALL = "nearer to the paintings than the photos are, by VGG-19"
ALL = "all"  # the slice of the photos as they are
VGG19 = "vgg19"

Result = Mapping[str, Any]  # as the stage's `judge_photo` returns it
# What is seen in pictures, besides distances; see `nst_keras.losses.artefacts`.
_ARTEFACTS = {
    "unpainted": "the share of regions that keep the photo's texture",
    "repetition": "how much more pictures repeat themselves than photos do",
    "lattice": "how far a grid stands out of pictures",
    "unrest": "the deviation of brightness in what is made of a flat photo or a gradient",
    "border": "the difference of brightness at its border",
}
_HEADS = ("style", "network", "style distance", "photo's own", "nearer by", "content distance", "saturated")
_KINDS = ("style", "content", "photo_style")


def summarize(
    photos: Sequence[Result], slices: Mapping[str, Result], judged: Sequence[str]
) -> dict[str, Any]:
    """Means as plain values, of the photos as they are, one picture of each further slice, and judged styles.

    "overall" has the distances by network over the styles whose paintings there are, "shared" names those of
    them that the baseline has, and "errors" are a sentence each.
    """
    good = [result for result in photos if "reason" not in result]
    groups = {ALL: good, **{name: [one] for name, one in slices.items() if "reason" not in one}}
    styles = list(good[0]["model"])
    shared = [style for style in judged if style in (good[0]["baseline"] or {})]
    return {
        "styles": styles,
        "judged": list(judged),
        "photos": [result["photo"] for result in good],
        "slices": {
            name: {style: _row([one["model"][style] for one in group]) for style in styles}
            for name, group in groups.items()
        },
        "overall": _overall(good, "model", judged),
        "shared": shared,
        "model_on_shared": _overall(good, "model", shared),
        "baseline": _overall(good, "baseline", shared),
        "errors": [f"{one['photo']}: {one['reason']}" for one in photos if "reason" in one],
    }


def find_failures(photos: Sequence[Result], slices: Mapping[str, Result], most_saturated: float) -> list[str]:
    """Pictures that nobody would take for painted, a sentence each."""
    groups = [(f"of {one['photo']}", one) for one in photos]
    groups += [(f"of a {name} photo", one) for name, one in slices.items()]
    failures = []
    for words, result in groups:
        for style, one in result.get("model", {}).items():
            picture = f"{style}: the picture {words}"
            if not one["finite"]:
                failures.append(f"{picture} has values that aren't finite")
            if one["constant"]:
                failures.append(f"{picture} is of one colour, though the photo isn't")
            if one["saturated"] > most_saturated:
                failures.append(
                    f"{picture} has {one['saturated']:.0%} of its values driven to 0 or 255, "
                    f"more than {most_saturated:.0%}"
                )
    return failures


def find_objections(
    report: Mapping[str, Any], *, least_fall: float, most_content: Mapping[str, float], most_worse: float
) -> list[str]:
    """What a report of `summarize` says against a model, a sentence each; none if it is good enough.

    Limits are the share by which styles come nearer to their paintings than the photos are, the distance from
    the photos by network, and the share by which means are above the baseline's.
    """
    objections = []
    for style in report["judged"]:
        # None if no picture was finite, which is a failure of its own.
        for network, values in report["slices"][ALL][style].get("distances", {}).items():
            if values["fall"] < least_fall:
                objections.append(
                    f"{style}: is nearer to its painting than the photos by {values['fall']:.0%} only, by "
                    f"{network}; at least {least_fall:.0%} are wanted"
                )
            if values["content"] > most_content[network]:
                objections.append(
                    f"{style}: is {values['content']:.2f} from the photos by {network}; at most "
                    f"{most_content[network]:g} is wanted"
                )
    for network, values in report["model_on_shared"].items():
        for kind in ("style", "content"):
            own, known = values[kind], report["baseline"].get(network, values)[kind]
            if own > known * (1 + most_worse):
                objections.append(
                    f"{kind} distance by {network} is {own:.3f}, more than {most_worse:.0%} above the "
                    f"{known:.3f} of the model that was blessed last"
                )
    return objections


def find_artefacts_above(report: Mapping[str, Any], limits: Mapping[str, float | None]) -> list[str]:
    """What is seen in pictures of photos, flat ones, a gradient, and is above its limit, a sentence each."""
    return [
        f"{style}: {_ARTEFACTS[kind]} is {row['artefacts'][kind]:.2f}; at most {limit:g} is wanted"
        for styles in report["slices"].values()
        for style, row in styles.items()
        for kind, limit in limits.items()
        if limit is not None and row.get("artefacts", {}).get(kind, limit) > limit
    ]


def _row(pictures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    distances = [one["distances"] for one in pictures if "distances" in one]
    row: dict[str, Any] = {"saturated": _mean([one["saturated"] for one in pictures])}
    artefacts = [one["artefacts"] for one in pictures if "artefacts" in one]
    if artefacts:
        row["artefacts"] = {kind: _mean([one[kind] for one in artefacts]) for kind in artefacts[0]}
    if distances:
        row["distances"] = {
            network: _with_fall({kind: _mean([one[network][kind] for one in distances]) for kind in _KINDS})
            for network in distances[0]
        }
    return row


def _overall(photos: Sequence[Result], role: str, styles: Sequence[str]) -> dict[str, dict[str, float]]:
    """Means over photos and styles, by network; empty without styles."""
    pictures = [one[role][style] for one in photos for style in styles]
    means: dict[str, dict[str, float]] = _row(pictures).get("distances", {}) if pictures else {}
    return means


def _with_fall(values: dict[str, float]) -> dict[str, float]:
    """Adds the share by which painting brings the photo nearer to the painting."""
    before = values["photo_style"]
    return values | {"fall": round(1 - values["style"] / before, 4) if before else 0.0}


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)


def render_evaluation(metrics: Mapping[str, Any], blessing: Blessing, sheet: bytes) -> str:
    """Renders what metrics.json holds, verdict and contact sheet (JPEG) as HTML that loads nothing else."""
    overall = metrics["overall"].get(VGG19)
    parts = [headline(overall["fall"], FALL)] if overall else []
    parts += [heading("Blessed" if blessing.blessed else "Not blessed"), *warning_list(blessing.reasons)]
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
            seen = [row.get("artefacts", {}).get(kind, "") for kind in _ARTEFACTS]
            rows.append([style, network, *(values.get(kind, "") for kind in kinds), row["saturated"], *seen])
    return table([*_HEADS, *_ARTEFACTS], rows)
