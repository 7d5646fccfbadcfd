"""What is counted of pictures for their statistics, so that the counts of shards add up in any order.

Each feature of a picture becomes a whole number of steps, and a shard's result is how often each number
came. Sums of whole numbers don't depend on their order, so the statistics are the same bytes however the work
was spread; and the counts stay small however many pictures there are.
"""

import heapq
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from nst_keras.pictures.measurements import STEPS

SERVING = "serving"  # the split of what a server was asked about
SAMPLES_PER_CLASS = 6


@dataclass(frozen=True, order=True)
class Sample:
    """A picture to be shown: its rank among all, which its name decides, and how it looks."""

    rank: str
    name: str
    thumbnail: str  # PNG, base64


@dataclass
class PictureCounts:
    """Counts of pictures: how often each label came, and each number of steps, by feature."""

    examples: int = 0
    labels: Counter[int] = field(default_factory=Counter)
    steps: dict[str, Counter[int]] = field(default_factory=lambda: {name: Counter() for name in STEPS})
    samples: dict[int, list[Sample]] = field(default_factory=dict)  # to show, by label; -1 if there is none

    def add(self, label: int | None, values: dict[str, float]) -> None:
        """Counts a picture with the values of `measure_picture`."""
        self.examples += 1
        if label is not None:
            self.labels[label] += 1
        for name, value in values.items():
            self.steps[name][round(value * STEPS[name])] += 1

    def wants(self, label: int, name: str) -> bool:
        """Whether a picture of this name is to be shown, as far as is known."""
        kept = self.samples.get(label, [])
        return len(kept) < SAMPLES_PER_CLASS or _rank(name) < kept[-1].rank

    def show(self, label: int, name: str, thumbnail: str) -> None:
        """Keeps a picture for the page, as long as it is among the first by rank."""
        kept = [*self.samples.get(label, []), Sample(_rank(name), name, thumbnail)]
        self.samples[label] = heapq.nsmallest(SAMPLES_PER_CLASS, kept)

    def encode(self) -> bytes:
        """As JSON."""
        plain = {
            "examples": self.examples,
            "labels": sorted(self.labels.items()),
            "steps": {name: sorted(counts.items()) for name, counts in self.steps.items()},
            "samples": {
                label: [[sample.rank, sample.name, sample.thumbnail] for sample in samples]
                for label, samples in sorted(self.samples.items())
            },
        }
        return json.dumps(plain).encode()


def decode_counts(data: bytes) -> PictureCounts:
    """Reads what `PictureCounts.encode` made."""
    plain = json.loads(data)
    return PictureCounts(
        examples=plain["examples"],
        labels=Counter(dict(plain["labels"])),
        steps={name: Counter(dict(counts)) for name, counts in plain["steps"].items()},
        samples={int(label): [Sample(*s) for s in samples] for label, samples in plain["samples"].items()},
    )


def merge_counts(parts: Iterable[PictureCounts]) -> PictureCounts:
    """Adds counts up; the order makes no difference."""
    total = PictureCounts()
    for part in parts:
        total.examples += part.examples
        total.labels += part.labels
        for name, counts in part.steps.items():
            total.steps[name].update(counts)
        for label, samples in part.samples.items():
            kept = [*total.samples.get(label, []), *samples]
            total.samples[label] = heapq.nsmallest(SAMPLES_PER_CLASS, kept)
    return total


def _rank(name: str) -> str:
    # Any fixed order that has nothing to do with the order of pictures would do.
    return sha256(name.encode()).hexdigest()
