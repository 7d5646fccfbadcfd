"""Statistics as the protos of tensorflow_metadata, filled as TFDV does, so that its tools read them."""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import statistics_pb2

from nst_keras.errors import InputError
from nst_keras.pictures.measurements import INT_FEATURES, STEPS
from pipelines.kinds import ExampleStatistics
from pipelines.statistics.counts import PictureCounts

FILE = "FeatureStats.pb"
LABEL = "label"
_BUCKETS = 10  # TFDV's default, for both kinds of histograms
_TOP_VALUES = 20  # likewise

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList
FeatureStatistics: TypeAlias = statistics_pb2.FeatureNameStatistics
Features: TypeAlias = dict[str, FeatureStatistics]


def build_statistics(counts: Mapping[str, PictureCounts], class_names: Sequence[str]) -> Statistics:
    """Makes the statistics of examples, a data set for each split; there may be no labels and class names."""
    statistics = Statistics()
    for split, part in counts.items():
        dataset = statistics.datasets.add(name=split, num_examples=part.examples)
        if class_names:
            _describe_labels(dataset.features.add(), part, class_names)
        for name in STEPS:
            _describe_numbers(dataset.features.add(), name, part)
    return statistics


def read_statistics(statistics: ExampleStatistics) -> Statistics:
    """Reads FeatureStats.pb."""
    path = statistics.path / FILE
    try:
        return Statistics.FromString(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; run StatisticsGen again") from error
    except DecodeError as error:
        raise InputError(f"{path}: is damaged: {error}; run StatisticsGen again") from error


def features_of(dataset: statistics_pb2.DatasetFeatureStatistics) -> Features:
    """The features of a split by name."""
    return {".".join(feature.path.step) or feature.name: feature for feature in dataset.features}


def standard_buckets(feature: FeatureStatistics) -> Sequence[Any]:
    """Buckets of equal width of a number; none if it has no values."""
    kinds = {histogram.type: histogram.buckets for histogram in feature.num_stats.histograms}
    buckets: Sequence[Any] = kinds.get(statistics_pb2.Histogram.STANDARD, ())
    return buckets


def label_counts(feature: FeatureStatistics) -> dict[str, int]:
    """How often each label came, the most frequent first."""
    return {bucket.label: int(bucket.sample_count) for bucket in feature.string_stats.rank_histogram.buckets}


def common_of(feature: FeatureStatistics) -> statistics_pb2.CommonStatistics:
    """How many values there are and how many are missing."""
    return getattr(feature, feature.WhichOneof("stats") or "num_stats").common_stats


def _describe_labels(feature: FeatureStatistics, counts: PictureCounts, class_names: Sequence[str]) -> None:
    feature.path.step.append(LABEL)
    feature.type = FeatureStatistics.STRING
    by_name = {
        class_names[label] if 0 <= label < len(class_names) else str(label): count
        for label, count in counts.labels.items()
    }
    ranked = sorted(by_name.items(), key=lambda pair: (-pair[1], pair[0]))
    total = sum(by_name.values())
    stats = feature.string_stats
    _describe_common(stats.common_stats, total, counts.examples)
    stats.unique = len(by_name)
    stats.avg_length = sum(len(name) * count for name, count in ranked) / total if total else 0.0
    for name, count in ranked[:_TOP_VALUES]:
        stats.top_values.add(value=name, frequency=count)
    for rank, (name, count) in enumerate(ranked):
        stats.rank_histogram.buckets.add(low_rank=rank, high_rank=rank, label=name, sample_count=count)


def _describe_numbers(feature: FeatureStatistics, name: str, part: PictureCounts) -> None:
    counts, steps = part.steps[name], STEPS[name]
    feature.path.step.append(name)
    feature.type = FeatureStatistics.INT if name in INT_FEATURES else FeatureStatistics.FLOAT
    total = sum(counts.values())
    stats = feature.num_stats
    _describe_common(stats.common_stats, total, part.examples)
    if not total:
        return
    # Whole numbers have no rounding that could depend on an order.
    first = sum(value * count for value, count in counts.items())
    second = sum(value * value * count for value, count in counts.items())
    quantiles = _quantiles(counts, total)
    stats.mean = float(Fraction(first, total * steps))
    stats.std_dev = math.sqrt(Fraction(total * second - first * first, (total * steps) ** 2))
    stats.num_zeros = counts.get(0, 0)
    stats.min, stats.max = quantiles[0] / steps, quantiles[-1] / steps
    stats.median = quantiles[_BUCKETS // 2] / steps
    standard = stats.histograms.add(type=statistics_pb2.Histogram.STANDARD)
    for bucket in _standard_buckets(counts, steps):
        standard.buckets.add(**bucket)
    equal = stats.histograms.add(type=statistics_pb2.Histogram.QUANTILES)
    for low, high in itertools.pairwise(quantiles):
        equal.buckets.add(low_value=low / steps, high_value=high / steps, sample_count=total / _BUCKETS)


def _describe_common(stats: statistics_pb2.CommonStatistics, present: int, examples: int) -> None:
    stats.num_non_missing, stats.num_missing = present, examples - present
    if present:
        stats.min_num_values = stats.max_num_values = 1
        stats.avg_num_values, stats.tot_num_values = 1.0, present
        stats.num_values_histogram.type = statistics_pb2.Histogram.QUANTILES
        for _ in range(_BUCKETS):
            stats.num_values_histogram.buckets.add(low_value=1, high_value=1, sample_count=present / _BUCKETS)


def _quantiles(counts: Counter[int], total: int) -> list[int]:
    """The values below which no more than 0/10, 1/10 ... 10/10 of all lie."""
    values = sorted(counts)
    quantiles, passed, position = [values[0]], 0, -1
    for tenth in range(1, _BUCKETS + 1):
        while passed * _BUCKETS < tenth * total:
            position += 1
            passed += counts[values[position]]
        quantiles.append(values[position])
    return quantiles


def _standard_buckets(counts: Counter[int], steps: int) -> list[dict[str, Any]]:
    """Buckets of equal width between least and greatest value; one if there is one value."""
    low, high = min(counts), max(counts)
    if low == high:
        value = low / steps
        return [{"low_value": value, "high_value": value, "sample_count": counts[low]}]
    inside = [0] * _BUCKETS
    for value, count in counts.items():
        inside[min((value - low) * _BUCKETS // (high - low), _BUCKETS - 1)] += count
    edges = [(low * _BUCKETS + (high - low) * number) / (_BUCKETS * steps) for number in range(_BUCKETS + 1)]
    buckets = zip(edges[:-1], edges[1:], inside, strict=True)
    return [{"low_value": low, "high_value": high, "sample_count": count} for low, high, count in buckets]
