"""StatisticsGen: what NumPy says too, the same bytes however the work is spread, and a page."""

import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from nst_keras.errors import InputError
from nst_keras.pictures.measurements import measure_picture
from pipelines.engine.stage import Context, Stopped
from pipelines.examples.files import (
    Example,
    ExampleInfo,
    encode_picture,
    read_dataset,
    shard_name,
    shard_paths,
    write_info,
    write_shard,
)
from pipelines.kinds import Examples, ExampleStatistics
from pipelines.stages.statistics_gen import StatisticsGenConfig, generate_statistics
from pipelines.statistics.anomalies import find_look_alikes
from pipelines.statistics.near_duplicates import read_near_duplicates
from pipelines.statistics.protos import features_of, read_statistics

CONFIG = StatisticsGenConfig()


def _bytes(statistics: ExampleStatistics) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(statistics.path.iterdir())}


def test_values_are_numpys(digits: Examples, new: Callable[..., Any], tmp_path: Path) -> None:
    statistics = new(ExampleStatistics)
    found = generate_statistics(CONFIG, Context(tmp_path / "s"), examples=digits, statistics=statistics)
    near = found.pop("near_duplicates")
    assert found == {"train": 1299, "validation": 143, "test": 355, "classes": 10}
    assert near == read_near_duplicates(statistics).total < 30, "hardly two digits are written alike"
    message = read_statistics(statistics)
    assert [dataset.name for dataset in message.datasets] == ["train", "validation", "test"]
    features = features_of(message.datasets[0])
    images, labels = read_dataset(digits).splits["train"].arrays()
    ranked = Counter(map(str, labels.tolist()))
    stats = features["label"].string_stats
    assert {bucket.label: bucket.sample_count for bucket in stats.rank_histogram.buckets} == ranked
    assert (stats.unique, stats.common_stats.num_non_missing, stats.avg_length) == (10, 1299, 1.0)
    assert stats.top_values[0].frequency == max(ranked.values())
    height = features["height"]
    assert height.type == statistics_pb2.FeatureNameStatistics.INT
    assert (height.num_stats.min, height.num_stats.mean, height.num_stats.std_dev) == (8, 8, 0)
    brightness, values = features["brightness"].num_stats, images.mean(axis=(1, 2, 3))
    assert brightness.mean == pytest.approx(values.mean(), abs=1e-3)
    assert brightness.std_dev == pytest.approx(values.std(), abs=1e-3)
    assert brightness.median == pytest.approx(np.median(values), abs=0.01)
    assert (brightness.min, brightness.max) == pytest.approx((values.min(), values.max()), abs=0.01)
    standard, quantiles = brightness.histograms
    assert sum(bucket.sample_count for bucket in standard.buckets) == 1299
    expected = np.histogram(values, bins=10)[0]
    counts = [bucket.sample_count for bucket in standard.buckets]
    assert np.abs(counts - expected).max() <= 2, "values at an edge may go to either side"
    deciles = np.quantile(values, np.linspace(0, 1, 11), method="inverted_cdf")
    assert [bucket.high_value for bucket in quantiles.buckets] == pytest.approx(deciles[1:], abs=0.01)


def test_the_same_bytes_in_any_order(few_digits: Examples, new: Callable[..., Any], tmp_path: Path) -> None:
    def threads(function: Callable, tasks: list) -> Any:
        with ThreadPoolExecutor(3) as pool:
            yield from pool.map(function, tasks)

    def backwards(function: Callable, tasks: list) -> Any:
        return iter([function(task) for task in tasks[::-1]][::-1])

    found = []
    for name, run in (("threads", threads), ("backwards", backwards)):
        statistics = new(ExampleStatistics, name)
        context = Context(tmp_path / f"{name}_scratch", map=run)
        generate_statistics(CONFIG, context, examples=few_digits, statistics=statistics)
        found.append(_bytes(statistics))
    assert found[0] == found[1]


def test_goes_on_after_a_stop(few_digits: Examples, new: Callable[..., Any], tmp_path: Path) -> None:
    whole, again = new(ExampleStatistics, "whole"), new(ExampleStatistics, "again")
    generate_statistics(CONFIG, Context(tmp_path / "a"), examples=few_digits, statistics=whole)
    scratch = tmp_path / "b"
    with pytest.raises(Stopped):
        generate_statistics(
            CONFIG, Context(scratch, should_stop=lambda: True), examples=few_digits, statistics=again
        )
    (done,) = scratch.glob("*.json")
    before = done.stat().st_mtime_ns
    generate_statistics(CONFIG, Context(scratch), examples=few_digits, statistics=again)
    assert done.stat().st_mtime_ns == before
    assert _bytes(whole) == _bytes(again)


def test_the_page_opens_from_disk(few_digits: Examples, new: Callable[..., Any], tmp_path: Path) -> None:
    statistics = new(ExampleStatistics)
    config = StatisticsGenConfig(shown_classes=3, near_duplicates=0)
    generate_statistics(config, Context(tmp_path / "s"), examples=few_digits, statistics=statistics)
    page = (statistics.path / "statistics.html").read_text()
    assert page.count("<figure>") == 3 * 6, "six pictures of each class that is shown"
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert str(tmp_path) not in page


def test_near_duplicates_are_counted_and_shown_the_worst_first(
    new: Callable[..., Any], tmp_path: Path
) -> None:
    def picture(number: int, brightness: float = 1.0) -> bytes:
        cells = np.random.default_rng(number).integers(40, 200, (4, 4, 3)) * brightness
        return encode_picture(np.kron(cells, np.ones((4, 4, 1))).astype(np.uint8))

    found = {
        "train": [Example(f"t{n}", picture(n), n % 2) for n in range(10)]
        + [Example("other class", picture(4, 1.1), 1), Example("copy", picture(6), 0)],
        "test": [Example("bright", picture(3, 1.2), 1), Example("new", picture(20), 0)],
    }
    examples, statistics = new(Examples), new(ExampleStatistics)
    for split, pictures in found.items():
        write_shard(examples.path / shard_name(split, 0, 1), pictures)
    sizes = {split: (len(pictures),) for split, pictures in found.items()}
    write_info(examples.path, ExampleInfo("pets", ("cat", "dog"), (16, 16, 3), sizes))
    context = Context(tmp_path / "s")
    record = generate_statistics(CONFIG, context, examples=examples, statistics=statistics)
    assert record["near_duplicates"] == 6
    near = read_near_duplicates(statistics)
    assert near.alike == {"train": {"train": 4, "test": 1}, "test": {"train": 1, "test": 0}}
    assert near.relabelled == {"train": 2, "test": 0}
    pairs = [{picture.name for picture in pair} for *pair, _ in near.pairs]
    assert pairs == [{"t3", "bright"}, {"t4", "other class"}, {"t6", "copy"}]
    page = (statistics.path / "statistics.html").read_text()
    assert page.index("test, dog, bright") < page.index("train, dog, other class") < page.index("Pictures: ")
    sentences = [f"{anomaly.split} {anomaly.text}" for anomaly in find_look_alikes(near)]
    assert sentences == [
        "train is another than that of a picture that looks alike: 2 pictures, such as train's cat t4 and "
        "train's dog other class",
        "test has pictures that look like some of train: 1, such as train's dog t3 and test's dog bright",
    ]


def test_pictures_without_labels(new: Callable[..., Any], tmp_path: Path) -> None:
    examples, statistics = new(Examples), new(ExampleStatistics)
    pixels = [np.full((200, 300, 3), 9, np.uint8), np.zeros((5, 4, 1), np.uint8)]
    found = [Example(f"<{n}>", encode_picture(one), None) for n, one in enumerate(pixels)]
    counts = (write_shard(examples.path / shard_name("photos", 0, 2), found), 0)
    write_shard(examples.path / shard_name("photos", 1, 2), [])
    write_info(examples.path, ExampleInfo("a <b>", (), None, {"photos": counts}))
    generate_statistics(CONFIG, Context(tmp_path / "s"), examples=examples, statistics=statistics)
    features = features_of(read_statistics(statistics).datasets[0])
    assert "label" not in features
    channels = features["channels"].num_stats
    assert (channels.min, channels.max, features["width"].num_stats.max) == (1, 3, 300)
    page = (statistics.path / "statistics.html").read_text()
    assert "&lt;1&gt;" in page
    assert "<b>" not in page.partition("</style>")[2].split('<div class="cards">')[0]


def test_missing_labels_are_counted(new: Callable[..., Any], tmp_path: Path) -> None:
    examples, statistics = new(Examples), new(ExampleStatistics)
    encoded = encode_picture(np.zeros((4, 4, 1), np.uint8))
    found = [Example("a", encoded, 0), Example("b", encoded, None), Example("c", encoded, 7)]
    write_shard(examples.path / shard_name("train", 0, 1), found)
    write_info(examples.path, ExampleInfo("set", ("zero",), (4, 4, 1), {"train": (3,), "test": ()}))
    generate_statistics(CONFIG, Context(tmp_path / "s"), examples=examples, statistics=statistics)
    train, test = read_statistics(statistics).datasets
    stats = features_of(train)["label"].string_stats
    assert (stats.common_stats.num_non_missing, stats.common_stats.num_missing) == (2, 1)
    assert {value.value for value in stats.top_values} == {"zero", "7"}
    assert test.num_examples == 0


def test_colourfulness_of_known_pictures() -> None:
    gray = np.repeat(np.arange(60, dtype=np.uint8).reshape(6, 10, 1), 3, axis=2)
    assert measure_picture(gray, 1)["colourfulness"] == 0
    # Half red, half green: rg is ±255 (deviation 255), yb is 127.5 everywhere; 255 + 0.3 · 127.5.
    flag = np.zeros((4, 4, 3), np.uint8)
    flag[:2, :, 0] = flag[2:, :, 1] = 255
    assert measure_picture(flag, 1)["colourfulness"] == pytest.approx(255 + 0.3 * 127.5)


def test_damage_is_named(digits: Examples, new: Callable[..., Any], tmp_path: Path) -> None:
    examples, statistics = new(Examples), new(ExampleStatistics)
    write_shard(examples.path / shard_name("train", 0, 1), [Example("bad", b"no picture", 0)])
    write_info(examples.path, ExampleInfo("set", ("zero",), (4, 4, 1), {"train": (1,)}))
    with pytest.raises(InputError, match=r"train-00000-of-00001\.tfrecord: bad cannot be decoded"):
        generate_statistics(CONFIG, Context(tmp_path / "s"), examples=examples, statistics=statistics)
    shard = shard_paths(examples, "train")[0]
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"train-00000-of-00001\.tfrecord: is damaged"):
        generate_statistics(CONFIG, Context(tmp_path / "s"), examples=examples, statistics=statistics)
    (statistics.path / "FeatureStats.pb").write_bytes(b"\xff\xff")
    with pytest.raises(InputError, match=r"FeatureStats\.pb: is damaged"):
        read_statistics(statistics)
