"""How far apart the distributions of a feature are, from statistics alone, by the measures that TFDV uses."""

import itertools
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.spatial.distance import jensenshannon

from pipelines.statistics.protos import FeatureStatistics, common_of, label_counts, standard_buckets

_HALF_STEP = 0.5
Aligned: TypeAlias = tuple[list[str], np.ndarray, np.ndarray]  # values, and how often each came in both


@dataclass(frozen=True)
class Distance:
    """Distances of two distributions."""

    infinity_norm: float  # the greatest difference of a value's share, 0..1
    jensen_shannon_divergence: float  # in bits, 0..1 (Lin 1991)
    largest: str  # the value whose share differs most; for numbers its bucket


def measure_distance(one: FeatureStatistics, other: FeatureStatistics) -> Distance | None:
    """Compares a feature's distributions; None if one of them has no values or another kind of them."""
    kind, present = one.WhichOneof("stats"), [common_of(part).num_non_missing for part in (one, other)]
    if kind != other.WhichOneof("stats") or not all(present):
        return None
    align = _align_labels if kind == "string_stats" else _align_numbers
    names, first, second = align(one, other)
    first, second = first / first.sum(), second / second.sum()
    apart = np.abs(first - second)
    # Rounding makes the divergence of equals a tiny negative number, whose root would be NaN.
    divergence = 0.0 if not apart.any() else float(jensenshannon(first, second, 2.0)) ** 2
    return Distance(float(apart.max()), divergence, names[int(apart.argmax())])


def _align_labels(one: FeatureStatistics, other: FeatureStatistics) -> Aligned:
    both = [label_counts(one), label_counts(other)]
    names = sorted({*both[0], *both[1]})
    first, second = (np.array([counts.get(name, 0.0) for name in names]) for counts in both)
    return names, first, second


def _align_numbers(one: FeatureStatistics, other: FeatureStatistics) -> Aligned:
    """Counts in the buckets that both histograms' edges make; inside a bucket values are spread evenly."""
    histograms = [_edges_and_counts(stats) for stats in (one, other)]
    edges = np.unique(np.concatenate([edges for edges, _ in histograms]))
    first, second = (
        np.diff(np.interp(edges, own, np.concatenate([[0.0], np.cumsum(counts)])))
        for own, counts in histograms
    )
    names = [f"{low:g} to {high:g}" for low, high in itertools.pairwise(edges)]
    return names, first, second


def _edges_and_counts(feature: FeatureStatistics) -> tuple[np.ndarray, np.ndarray]:
    buckets = standard_buckets(feature)
    counts = np.array([bucket.sample_count for bucket in buckets])
    edges = np.array([buckets[0].low_value, *(bucket.high_value for bucket in buckets)])
    if edges[0] == edges[-1]:
        # A single value gets some width, or nothing could be spread over it.
        return edges[[0, -1]] + [-_HALF_STEP, _HALF_STEP], counts.sum(keepdims=True)
    return edges, counts
