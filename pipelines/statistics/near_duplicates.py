"""Pictures that look alike, in a split and across splits, and what labels they have.

Two pictures are near duplicates if their perceptual hashes differ in at most three of 64 bits and their low
frequencies correlate. Hashes are not compared each with each: of five bands of bits two at least are equal,
so hashes are sorted by each pair of bands, and compared with those that are equal in it (after Manku, Jain
and Das Sarma, "Detecting near-duplicates for web crawling", 2007).
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from nst_keras.data.perceptual_hash import perceptual_hash
from nst_keras.errors import InputError
from pipelines.kinds import ExampleStatistics

FILE = "near_duplicates.json"
LOOK = np.dtype([("frequencies", np.int8, 64), ("label", "<i4")])  # of a picture; label -1: has none
_BITS, _BANDS = 3, 5
# Of a crowd with equal bands each is compared with so many that follow; for a larger one counts are too low.
_NEIGHBOURS = 512
_CHUNK = 1 << 15
_SPARE = 16  # so many times the pairs to show are kept until each picture is in one of them
_ONES = np.unpackbits(np.arange(1 << 16, dtype=np.uint16).view(np.uint8).reshape(-1, 2), axis=1).sum(1)


@dataclass(frozen=True)
class Picture:
    """A picture of a pair."""

    split: str
    name: str
    label: str
    thumbnail: str = ""  # PNG, base64


@dataclass(frozen=True)
class NearDuplicates:
    """How many pictures of each split look like another, and some pairs of them, the worst first.

    Worst are those that lie in two splits, then those with two labels, then the most alike.
    """

    total: int = 0
    alike: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # to one of that split, by split
    relabelled: Mapping[str, int] = field(default_factory=dict)  # to one with another label, by split
    pairs: Sequence[tuple[Picture, Picture, float]] = ()  # with their correlation

    def without_thumbnails(self) -> "NearDuplicates":
        """The same, without how pictures look."""
        bare = [(replace(one, thumbnail=""), replace(two, thumbnail=""), by) for one, two, by in self.pairs]
        return replace(self, pairs=bare)

    def encode(self) -> bytes:
        """As JSON."""
        return (json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n").encode()


def decode_near_duplicates(data: bytes) -> NearDuplicates:
    """Reads what `NearDuplicates.encode` made."""
    plain = json.loads(data)
    pairs = [(Picture(**one), Picture(**other), value) for one, other, value in plain["pairs"]]
    return NearDuplicates(plain["total"], plain["alike"], plain["relabelled"], pairs)


def read_near_duplicates(statistics: ExampleStatistics) -> NearDuplicates:
    """Reads what statistics say of them; those of older versions, and where none were looked for, nothing."""
    path = statistics.path / FILE
    try:
        return decode_near_duplicates(path.read_bytes())
    except FileNotFoundError:
        return NearDuplicates()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is damaged: {error}; run StatisticsGen again") from error


@dataclass(frozen=True)
class Alike:
    """What `find_alike` finds."""

    total: int  # pictures that have a near duplicate
    alike: np.ndarray  # pictures of a split that have one in a split, int64 [splits, splits]
    relabelled: np.ndarray  # pictures of a split that have one with another label, int64 [splits]
    pairs: list[tuple[int, int, float]]  # positions and correlation


def find_alike(
    frequencies: np.ndarray, labels: np.ndarray, splits: np.ndarray, least: float, wanted: int
) -> Alike:
    """Finds near duplicates, with the same result on every machine; plain pictures are left out.

    Args:
        frequencies: What `low_frequencies` gives of each picture, int8 [n, 64].
        labels: int32 [n].
        splits: The number of each picture's split, from 0, below 63, int64 [n].
        least: The correlation of low frequencies from which on pictures are near duplicates, 0..1.
        wanted: How many pairs to give at most, of which no two share a picture.
    """
    crowds = _Crowds(frequencies, labels, splits)
    mask, low, high = crowds.mask.copy(), crowds.low.copy(), crowds.high.copy()
    others = np.zeros_like(mask)
    best = _Best(crowds, wanted)
    several = np.flatnonzero(crowds.counts.sum(1) > 1)
    best.add(several, several, np.ones(len(several)))
    for one, other, correlation in _close(crowds.frequencies, least):
        for here, there in ((one, other), (other, one)):
            others[here] |= crowds.mask[there]
            low[here] = np.minimum(low[here], crowds.low[there])
            high[here] = np.maximum(high[here], crowds.high[there])
        best.add(one, other, correlation)
    mask |= others
    counts, number = crowds.counts, crowds.counts.shape[1]
    alike = np.zeros((number, number), np.int64)
    for split, other_split in itertools.product(range(number), repeat=2):
        has = ((others if split == other_split else mask) >> other_split) & 1 == 1
        if split == other_split:
            has = has | (counts[:, split] > 1)
        alike[split, other_split] = counts[has, split].sum()
    total = counts[(others > 0) | (counts.sum(1) > 1)].sum()
    labels, crowd_of = crowds.labels, crowds.crowd_of
    differs = (low[crowd_of] != labels) | (high[crowd_of] != labels)
    relabelled = np.bincount(crowds.splits[differs], minlength=number)
    return Alike(int(total), alike, relabelled, best.pairs())


class _Crowds:
    """Pictures whose low frequencies are equal, by crowd; there may be very many of one look."""

    def __init__(self, frequencies: np.ndarray, labels: np.ndarray, splits: np.ndarray) -> None:
        order = np.argsort(frequencies.view("V64")[:, 0], kind="stable")
        self.order = order[np.any(frequencies != 0, axis=1)[order]]  # a plain picture looks like all others
        ascending = frequencies[self.order].view("V64")[:, 0]
        first = np.ones(len(self.order), bool)
        first[1:] = ascending[1:] != ascending[:-1]
        self.starts, self.crowd_of = np.flatnonzero(first), np.cumsum(first) - 1
        self.frequencies = ascending[first].view(np.int8).reshape(-1, frequencies.shape[1])
        self.labels, self.splits = labels[self.order], splits[self.order]
        shape = len(self.starts), int(splits.max(initial=0)) + 1
        places = self.crowd_of * shape[1] + self.splits
        self.counts = np.bincount(places, minlength=shape[0] * shape[1]).reshape(shape)
        self.mask = ((self.counts > 0) << np.arange(shape[1])).sum(1)
        empty = np.zeros(0, self.labels.dtype)
        self.low = np.minimum.reduceat(self.labels, self.starts) if shape[0] else empty
        self.high = np.maximum.reduceat(self.labels, self.starts) if shape[0] else empty

    def members(self, crowd: int) -> range:
        """Where the pictures of a crowd are in the order, at most some."""
        end = self.starts[crowd + 1] if crowd + 1 < len(self.starts) else len(self.order)
        return range(self.starts[crowd], min(end, self.starts[crowd] + _SPARE))


class _Best:
    """The worst pairs of crowds so far."""

    def __init__(self, crowds: _Crowds, wanted: int) -> None:
        self._crowds, self._wanted = crowds, wanted
        self._kept = dict[tuple[int, int], tuple[float, float]]()  # score and correlation

    def add(self, one: np.ndarray, other: np.ndarray, correlation: np.ndarray) -> None:
        """Takes in pairs, one < other or one = other."""
        crowds = self._crowds
        both = crowds.mask[one] | crowds.mask[other]
        crosses = (both & (both - 1)) != 0
        relabelled = np.minimum(crowds.low[one], crowds.low[other]) != np.maximum(
            crowds.high[one], crowds.high[other]
        )
        score = 4.0 * crosses + 2.0 * relabelled + correlation
        first = np.lexsort((other, one, -score))[: _SPARE * self._wanted]
        for place in first.tolist():
            self._kept[int(one[place]), int(other[place])] = score[place], float(correlation[place])
        ranked = sorted(self._kept.items(), key=lambda item: (-item[1][0], item[0]))
        self._kept = dict(ranked[: _SPARE * self._wanted])

    def pairs(self) -> list[tuple[int, int, float]]:
        """Positions of pictures, and their correlation."""
        shown, found = set[int](), list[tuple[int, int, float]]()
        for (one, other), (_, correlation) in self._kept.items():
            if len(found) < self._wanted and not {one, other} & shown:
                shown |= {one, other}
                found.append((*self._worst(one, other), correlation))
        return found

    def _worst(self, one: int, other: int) -> tuple[int, int]:
        crowds, here, there = self._crowds, self._crowds.members(one), self._crowds.members(other)
        choices = [(a, b) for a in here for b in there if a < b or one != other]
        a, b = max(
            choices,
            key=lambda pair: (
                crowds.splits[pair[0]] != crowds.splits[pair[1]],
                crowds.labels[pair[0]] != crowds.labels[pair[1]],
                -pair[0] - pair[1],
            ),
        )
        a, b = sorted((a, b), key=lambda place: (crowds.splits[place], place))
        return int(crowds.order[a]), int(crowds.order[b])


def _close(frequencies: np.ndarray, least: float) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Near duplicates, the first row below the second, and their correlation; some come twice."""
    hashes = perceptual_hash(frequencies).astype(np.uint64)
    bands = [sum(1 << bit for bit in range(64) if bit % _BANDS == band) for band in range(_BANDS)]
    for band, second in itertools.combinations(bands, 2):
        keys = hashes & np.uint64(band | second)
        order = np.argsort(keys, kind="stable")
        keys, left = keys[order], np.arange(len(order))
        for distance in range(1, _NEIGHBOURS + 1):
            left = left[left + distance < len(order)]
            left = left[keys[left] == keys[left + distance]]
            if not len(left):
                break
            one, other = order[left], order[left + distance]
            bits = (hashes[one] ^ hashes[other]).view(np.uint16).reshape(-1, 4)
            near = _ONES[bits].sum(1) <= _BITS
            # Sorting is stable, so one < other.
            yield from _correlated(frequencies, one[near], other[near], least)


def _correlated(
    frequencies: np.ndarray, one: np.ndarray, other: np.ndarray, least: float
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    for start in range(0, len(one), _CHUNK):
        i, j = one[start:][:_CHUNK], other[start:][:_CHUNK]
        a, b = (frequencies[rows].astype(np.int32) for rows in (i, j))
        products, lengths = (a * b).sum(1), np.sqrt((a * a).sum(1) * 1.0 * (b * b).sum(1))
        correlation = products / lengths
        alike = correlation >= least
        if alike.any():
            yield i[alike], j[alike], correlation[alike]


def summarize(found: Alike, splits: Sequence[str], pairs: Sequence[tuple[Any, Any, float]]) -> NearDuplicates:
    """Counts by the names of splits, with pairs of pictures."""
    rows = {
        here: {there: int(count) for there, count in zip(splits, row, strict=False)}
        for here, row in zip(splits, found.alike, strict=False)
    }
    relabelled = {split: int(count) for split, count in zip(splits, found.relabelled, strict=False)}
    return NearDuplicates(found.total, rows, relabelled, pairs)
