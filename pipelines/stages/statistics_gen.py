"""StatisticsGen: what the pictures of each split are like, as TFDV writes it and as a page."""

import base64
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.data.perceptual_hash import low_frequencies
from nst_keras.fields import FROM_ONE, SHARE, Bounds, Settings, number, setting
from nst_keras.pictures.measurements import STEPS, measure_picture
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.serving.protocol.request_log import find_log_files, read_log_file
from nst_keras.storage.files import write_whole
from pipelines.engine.memo import Piece
from pipelines.engine.stage import Context, Input, Output, Outside, Stage
from pipelines.examples.files import (
    Example,
    ExampleInfo,
    decode_example,
    encode_picture,
    read_info,
    read_shard,
    shard_digests,
    shard_paths,
)
from pipelines.examples.parts import run_tasks
from pipelines.kinds import Examples, ExampleStatistics
from pipelines.statistics.counts import SERVING, PictureCounts, decode_counts, merge_counts
from pipelines.statistics.near_duplicates import FILE as NEAR_FILE
from pipelines.statistics.near_duplicates import (
    LOOK,
    NearDuplicates,
    Picture,
    decode_near_duplicates,
    find_alike,
    summarize,
)

_UNLABELLED = -1
_DAY = 86_400  # seconds


@dataclass(frozen=True)
class StatisticsGenConfig(Settings):
    """What the page shows, and what else is counted."""

    request_log: str = setting(
        "", "Folder of an nst-serve's request_log: what was served becomes a split, whose skew is looked at."
    )
    request_model: str = setting("", "The model whose requests are counted; empty: all.")
    request_days: int = number(0, "Days of the log that count, back from its newest file; 0: all.", Bounds(0))
    shown_classes: int = number(20, "How many classes to show pictures of, the first by label.")
    thumbnail: int = number(96, "Longest side at which pictures are shown, in pixels.", FROM_ONE)
    near_duplicates: float = number(
        0.997,
        "Correlation of low frequencies from which on pictures are near duplicates; 0: none are looked for.",
        SHARE,
    )
    shown_pairs: int = number(12, "How many pairs of near duplicates to show.")


@dataclass(frozen=True)
class CountTask:
    """A shard to be counted, and where the counts go."""

    shard: Path
    target: Path
    config: StatisticsGenConfig
    piece: Piece

    @property
    def looks(self) -> Path:
        """Where the pictures' looks go, `LOOK` [n]."""
        return self.target.with_suffix(".looks")


@dataclass(frozen=True)
class NearTask:
    """Shards that were counted, by split, among whose pictures near duplicates are looked for."""

    shards: Mapping[str, Sequence[CountTask]]
    class_names: tuple[str, ...]
    target: Path
    config: StatisticsGenConfig


def generate_statistics(
    config: StatisticsGenConfig,
    context: Context,
    *,
    examples: Input[Examples],
    statistics: Output[ExampleStatistics],
) -> dict[str, Any]:
    """Counts shard by shard and writes FeatureStats.pb, near_duplicates.json and statistics.html.

    The proto is a `DatasetFeatureStatisticsList` with a data set for each split. Features are the label (by
    its class's name), height, width, channels, the size of the stored file, brightness, contrast and
    colourfulness; `nst_keras.pictures.measurements` defines them. A log of requests gives one more data set,
    "serving", without labels. Near duplicates are told by `pipelines.statistics.near_duplicates`.
    """
    from pipelines.statistics.page import write_statistics_page
    from pipelines.statistics.protos import FILE, build_statistics, features_of

    info = read_info(examples)
    tasks: dict[str, list[CountTask]] = {}
    shown = {name: getattr(config, name) for name in ("shown_classes", "thumbnail")}
    for split in info.splits:
        tasks[split] = []
        for path, digest in zip(shard_paths(examples, split), shard_digests(examples, split), strict=True):
            piece = context.piece(count_shard, [shown, digest])
            tasks[split].append(CountTask(path, context.scratch / f"{path.stem}.json", config, piece))
    run_tasks(context, count_shard, [*chain.from_iterable(tasks.values())], "looking at pictures: shard")
    counts = {
        split: merge_counts(decode_counts(task.target.read_bytes()) for task in parts)
        for split, parts in tasks.items()
    }
    near, record = None, {}
    if config.near_duplicates:
        near = _look_for_near_duplicates(config, context, info, tasks)
        write_whole(statistics.path / NEAR_FILE, near.without_thumbnails().encode())
        record = {"near_duplicates": near.total}
    if config.request_log:
        counts[SERVING] = count_requests(config)
    protos = build_statistics(counts, info.class_names)
    write_whole(statistics.path / FILE, protos.SerializeToString(deterministic=True))
    features = {dataset.name: features_of(dataset) for dataset in protos.datasets}
    write_statistics_page(statistics.path / "statistics.html", info, features, counts, near)
    examined = {split: part.examples for split, part in counts.items()}
    return {**examined, "classes": len(info.class_names), **record}


def _look_for_near_duplicates(
    config: StatisticsGenConfig,
    context: Context,
    info: ExampleInfo,
    shards: Mapping[str, Sequence[CountTask]],
) -> NearDuplicates:
    task = NearTask(shards, info.class_names, context.scratch / "near.json", config)
    run_tasks(context, find_near_duplicates, [task], "looking for near duplicates:")
    return decode_near_duplicates(task.target.read_bytes())


def count_requests(config: StatisticsGenConfig) -> PictureCounts:
    """Counts the pictures that a server logged; there may be none."""
    counts, files = PictureCounts(), find_log_files(Path(config.request_log).expanduser())
    newest = max((line["time"] for path in files for line in read_log_file(path)), default=0.0)
    oldest = newest - config.request_days * _DAY if config.request_days else 0.0
    for line in (line for path in files for line in read_log_file(path)):
        if line["time"] >= oldest and config.request_model in ("", line["model"]):
            counts.add(None, {name: line[name] for name in STEPS})
    return counts


def _request_files(config: StatisticsGenConfig) -> list[Outside]:
    """The log's whole files; what else is in its folder doesn't count."""
    if not config.request_log:
        return []
    folder = Path(config.request_log).expanduser()
    return [Outside(str(folder.resolve()), lambda: ((path.name, path) for path in find_log_files(folder)))]


def count_shard(task: CountTask) -> None:
    """Counts a shard unless that is done."""
    task.piece.once(task.target, functools.partial(_count, task))


def find_near_duplicates(task: NearTask) -> None:
    """Finds near duplicates among all shards unless that is done."""
    if not task.target.exists():  # any new shard changes it, so there is no use in the memo
        _find_near_duplicates(task)


def _find_near_duplicates(task: NearTask) -> None:
    """Holds the looks of all pictures, 72 bytes each, and then reads the shards of pictures to show."""
    parts = [(number, part) for number, split in enumerate(task.shards.values()) for part in split]
    sizes = [part.looks.stat().st_size // LOOK.itemsize for _, part in parts]
    ends, looks = np.cumsum(sizes), np.empty(sum(sizes), LOOK)
    for (_, part), end, size in zip(parts, ends, sizes, strict=True):
        looks[end - size : end] = np.fromfile(part.looks, LOOK)
    splits = np.repeat([number for number, _ in parts], sizes)
    frequencies, labels = np.ascontiguousarray(looks["frequencies"]), looks["label"].copy()
    del looks
    found = find_alike(frequencies, labels, splits, task.config.near_duplicates, task.config.shown_pairs)
    names = list(task.shards)
    places = sorted({place for *pair, _ in found.pairs for place in pair})
    shown = dict[int, Picture]()
    for (split, part), end, size in zip(parts, ends, sizes, strict=True):
        if rows := {place - (end - size): place for place in places if end - size <= place < end}:
            for row, example in enumerate(islice(read_shard(part.shard), max(rows) + 1)):
                if row in rows:
                    shown[rows[row]] = _shown(example, names[split], task, part.shard)
    pairs = [(shown[one], shown[other], correlation) for one, other, correlation in found.pairs]
    write_whole(task.target, summarize(found, names, pairs).encode())


def _shown(example: Example, split: str, task: NearTask, shard: Path) -> Picture:
    names, label = task.class_names, "" if example.label is None else str(example.label)
    if example.label is not None and 0 <= example.label < len(names):
        label = names[example.label]
    thumbnail = _thumbnail(decode_example(example, shard), task.config.thumbnail)
    return Picture(split, example.name, label, thumbnail)


def _count(task: CountTask) -> None:
    counts, looks = PictureCounts(), list[tuple[np.ndarray, int]]()
    for example in read_shard(task.shard):
        pixels = decode_example(example, task.shard)
        counts.add(example.label, measure_picture(pixels, len(example.encoded)))
        label = _UNLABELLED if example.label is None else example.label
        looks.append((low_frequencies(pixels), label))
        if label < task.config.shown_classes and counts.wants(label, example.name):
            counts.show(label, example.name, _thumbnail(pixels, task.config.thumbnail))
    write_whole(task.looks, np.array(looks, LOOK).tobytes())
    write_whole(task.target, counts.encode())


def _thumbnail(pixels: np.ndarray, longest_side: int) -> str:
    if max(pixels.shape[:2]) > longest_side:
        small = resize(pixels, *fit_size(pixels, longest_side))
        pixels = small.round().clip(0, 255).astype("uint8")
    return base64.b64encode(encode_picture(pixels)).decode("ascii")


StatisticsGen = Stage(generate_statistics, "StatisticsGen", reads=_request_files, hands_out=True)
