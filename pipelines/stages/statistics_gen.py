"""StatisticsGen: what the pictures of each split are like, as TFDV writes it and as a page."""

import base64
import functools
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.fields import FROM_ONE, Settings, number
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.storage.files import write_whole
from pipelines.engine.memo import Piece
from pipelines.engine.stage import Context, Input, Output, Stage
from pipelines.examples.files import (
    decode_example,
    encode_picture,
    read_info,
    read_shard,
    shard_digests,
    shard_paths,
)
from pipelines.examples.parts import run_tasks
from pipelines.kinds import Examples, ExampleStatistics
from pipelines.statistics.counts import PictureCounts, decode_counts, measure_picture, merge_counts

_UNLABELLED = -1


@dataclass(frozen=True)
class StatisticsGenConfig(Settings):
    """What the page shows."""

    shown_classes: int = number(20, "How many classes to show pictures of, the first by label.")
    thumbnail: int = number(96, "Longest side at which pictures are shown, in pixels.", FROM_ONE)


@dataclass(frozen=True)
class CountTask:
    """A shard to be counted, and where the counts go."""

    shard: Path
    target: Path
    config: StatisticsGenConfig
    piece: Piece


def generate_statistics(
    config: StatisticsGenConfig,
    context: Context,
    *,
    examples: Input[Examples],
    statistics: Output[ExampleStatistics],
) -> dict[str, Any]:
    """Counts shard by shard and writes FeatureStats.pb and statistics.html.

    The proto is a `DatasetFeatureStatisticsList` with a data set for each split. Features are the label (by
    its class's name), height, width, channels, the size of the stored file, brightness, contrast and
    colourfulness; `pipelines.statistics.counts` defines them.
    """
    from pipelines.statistics.page import write_statistics_page
    from pipelines.statistics.protos import FILE, build_statistics, features_of

    info = read_info(examples)
    tasks: dict[str, list[CountTask]] = {}
    for split in info.splits:
        tasks[split] = []
        for path, digest in zip(shard_paths(examples, split), shard_digests(examples, split), strict=True):
            piece = context.piece(count_shard, [vars(config), digest])
            tasks[split].append(CountTask(path, context.scratch / f"{path.stem}.json", config, piece))
    run_tasks(context, count_shard, [*chain.from_iterable(tasks.values())], "looking at pictures: shard")
    counts = {
        split: merge_counts(decode_counts(task.target.read_bytes()) for task in parts)
        for split, parts in tasks.items()
    }
    protos = build_statistics(counts, info.class_names)
    write_whole(statistics.path / FILE, protos.SerializeToString(deterministic=True))
    features = {dataset.name: features_of(dataset) for dataset in protos.datasets}
    write_statistics_page(statistics.path / "statistics.html", info, features, counts)
    return {**{split: part.examples for split, part in counts.items()}, "classes": len(info.class_names)}


def count_shard(task: CountTask) -> None:
    """Counts a shard unless that is done."""
    task.piece.once(task.target, functools.partial(_count, task))


def _count(task: CountTask) -> None:
    counts = PictureCounts()
    for example in read_shard(task.shard):
        pixels = decode_example(example, task.shard)
        counts.add(example.label, measure_picture(pixels, len(example.encoded)))
        label = _UNLABELLED if example.label is None else example.label
        if label < task.config.shown_classes and counts.wants(label, example.name):
            counts.show(label, example.name, _thumbnail(pixels, task.config.thumbnail))
    write_whole(task.target, counts.encode())


def _thumbnail(pixels: np.ndarray, longest_side: int) -> str:
    if max(pixels.shape[:2]) > longest_side:
        small = resize(pixels, *fit_size(pixels, longest_side))
        pixels = small.round().clip(0, 255).astype("uint8")
    return base64.b64encode(encode_picture(pixels)).decode("ascii")


StatisticsGen = Stage(generate_statistics, "StatisticsGen", hands_out=True)
