"""The page of statistics: classes, pictures and histograms, in one file that opens from disk."""

import base64
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nst_keras.pictures.measurements import STEPS
from nst_keras.reports.look import BLUE, FAINT, GREEN, INK, ORANGE, encode_png, in_our_look, new_figure
from nst_keras.reports.page_parts import cards, frame, heading, image, label, note, picture_grid, table
from nst_keras.storage.files import write_whole
from pipelines.examples.files import ExampleInfo
from pipelines.statistics.counts import SERVING, PictureCounts
from pipelines.statistics.near_duplicates import NearDuplicates, Picture
from pipelines.statistics.protos import LABEL, Features, FeatureStatistics, label_counts, standard_buckets

_COLORS = (BLUE, ORANGE, GREEN, INK, FAINT)
_COLUMNS = 3
_MOST_BARS = 30
_STYLE = ".pairs { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; align-items: flex-end; }\n"
_FIGURES = ("mean", "std_dev", "min", "median", "max")


def write_statistics_page(
    path: Path,
    info: ExampleInfo,
    splits: Mapping[str, Features],
    counts: Mapping[str, PictureCounts],
    near: NearDuplicates | None = None,
) -> None:
    """Writes the page of examples' statistics by split; `counts` and `near` have the pictures to show."""
    parts = cards({f"{split} examples": part.examples for split, part in counts.items()})
    if info.class_names:
        labelled = {split: features for split, features in splits.items() if split != SERVING}
        parts += [heading("Classes"), _class_table(info.class_names, labelled)]
    parts += _near_duplicates(near) if near else ()
    parts += _pictures(info, counts)
    parts += [heading("Histograms"), image(encode_png(_draw(splits)), "Histograms of each feature")]
    parts += [note("Heights are shares of a split's pictures, so that splits of any size can be compared.")]
    for name in STEPS:
        rows = [
            [split, *(getattr(features[name].num_stats, figure) for figure in _FIGURES)]
            for split, features in splits.items()
        ]
        parts += [heading(label(name)), table(["", *map(label, _FIGURES)], rows)]
    write_whole(path, frame(f"Statistics of {info.name}", parts, _STYLE).encode())


def _class_table(class_names: Sequence[str], splits: Mapping[str, Features]) -> str:
    labels = {split: label_counts(features[LABEL]) for split, features in splits.items()}
    names = dict.fromkeys([*class_names, *(name for counts in labels.values() for name in counts)])
    rows = [[name, *(counts.get(name, 0) for counts in labels.values())] for name in names]
    return table(["class", *splits], rows)


def _near_duplicates(near: NearDuplicates) -> Iterator[str]:
    """How many there are, and pairs of them side by side."""
    yield heading("Near duplicates")
    if not near.total:
        yield note("None: no picture looks like another.")
        return
    heads = [
        "pictures of",
        *(f"like another of {split}" for split in near.alike),
        "like one of another class",
    ]
    yield table(heads, [[split, *row.values(), near.relabelled[split]] for split, row in near.alike.items()])
    yield note(
        "Small and gray they agree, whatever their colours; the worst first: in two splits, of two classes."
    )
    grids = [
        picture_grid([(_caption(seen), base64.b64decode(seen.thumbnail)) for seen in pair])
        for *pair, _ in near.pairs
    ]
    yield "\n".join(['<div class="pairs">', *grids, "</div>"])


def _caption(picture: Picture) -> str:
    return ", ".join(filter(None, (picture.split, picture.label, picture.name)))


def _pictures(info: ExampleInfo, counts: Mapping[str, PictureCounts]) -> Iterator[str]:
    """The pictures of the first split for each class; of all splits if there are no classes."""
    for split, part in counts.items():
        for number, samples in sorted(part.samples.items()):
            name = info.class_names[number] if 0 <= number < len(info.class_names) else split
            pictures = [(sample.name, base64.b64decode(sample.thumbnail)) for sample in samples]
            yield heading(f"Pictures: {name}")
            yield picture_grid(pictures)
        if info.class_names:
            return


@in_our_look
def _draw(splits: Mapping[str, Features]) -> Figure:
    labelled = any(LABEL in features for features in splits.values())
    names = ([LABEL] if labelled else []) + list(STEPS)
    rows = math.ceil(len(names) / _COLUMNS)
    figure = new_figure(3.4 * _COLUMNS, 2.2 * rows)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    for axes, name in zip(grid, names, strict=False):
        axes.set_title(label(name))
        for (split, features), color in zip(splits.items(), _COLORS, strict=False):
            if name == LABEL:
                _draw_labels(axes, features[name], split, color)
            else:
                _draw_numbers(axes, features[name], split, color)
    if labelled:
        grid[0].set_ylim(bottom=0)
    grid[0].legend(*grid[len(names) - 1].get_legend_handles_labels(), loc="best")
    return figure


def _draw_labels(axes: Axes, feature: FeatureStatistics, split: str, color: str) -> None:
    stats = feature.string_stats
    total = max(stats.common_stats.num_non_missing, 1)
    shares = [bucket.sample_count / total for bucket in stats.rank_histogram.buckets][:_MOST_BARS]
    axes.plot(range(1, len(shares) + 1), shares, color=color, marker="o", label=split)
    axes.set_xlabel("classes, the most frequent first")


def _draw_numbers(axes: Axes, feature: FeatureStatistics, split: str, color: str) -> None:
    stats = feature.num_stats
    total = max(stats.common_stats.num_non_missing, 1)
    if buckets := standard_buckets(feature):
        edges = [buckets[0].low_value, *(bucket.high_value for bucket in buckets)]
        if edges[0] == edges[-1]:  # one value, which would have no width
            edges = [edges[0] - 0.5, edges[0] + 0.5]
        axes.stairs([b.sample_count / total for b in buckets], edges, color=color, label=split)
