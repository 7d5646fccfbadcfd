"""How a data set of any kind is opened, and what of it can't be read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nst_keras.data.settings import AUTO, CONTENT, POSITION, SPLIT_BY
from nst_keras.data.splits import SplitRule
from nst_keras.errors import InputError, require_choice


@dataclass(frozen=True)
class LoadOptions:
    """How any kind of data set is opened; see `load_dataset`."""

    image_size: tuple[int, int] | None
    validation: float
    seed: int
    note: Callable[[str], None]
    split_by: str = AUTO
    hash_buckets: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size = self.image_size
        if size and (len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size)):
            raise InputError(f"image_size must be two positive integers. Received: image_size={size}")
        if not 0 < self.validation < 1:
            expected = "validation must be above 0 and below 1"
            raise InputError(f"{expected}. Received: validation={self.validation}")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise InputError(f"seed must be an integer of at least 0. Received: seed={self.seed}")
        require_choice("split_by", self.split_by, SPLIT_BY)
        if self.hash_buckets and self.split_by == POSITION:
            raise InputError("hash_buckets are cut by content or appearance. Received: split_by=position")

    def rule(self, *, grows: bool) -> SplitRule:
        """How training examples are cut, of a source that may grow or one that never does."""
        by = CONTENT if grows or self.hash_buckets else POSITION
        by = by if self.split_by == AUTO else self.split_by
        return SplitRule(self.validation, self.seed, by, self.hash_buckets)


@dataclass(frozen=True)
class SkippedFile:
    """A picture that could not be read, and why."""

    path: str
    reason: str
