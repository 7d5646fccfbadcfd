"""What the checks of a network have to say, and the names of the checks and of the faults they can find.

Importing this loads nothing heavy, so that command lines can list the names.
"""

import math
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

VERDICTS = ("ok", "suspect", "wrong")  # in order of gravity
CHECKS = (
    "data",
    "outputs",
    "initial_loss",
    "activations",
    "gradient_flow",
    "gradient_check",
    "learning_rate",
    "overfit",
)
FAULTS = {
    "sign_slip": "the last layer's weight gradient has the wrong sign",
    "missing_bias": "the last layer's bias gradient is left out",
    "transposed": "the last layer's weight gradient is laid out as its transpose",
    "no_batch_mean": "the loss is summed over the batch, not averaged",
    "softmax_twice": "softmax in the model and again in the loss",
    "wrong_axis": "softmax over the batch instead of the classes",
    "unscaled_inputs": "pixels 0..255 enter the first layer as they are",
    "shuffled_labels": "the labels don't belong to the pictures",
    "dead_relu": "biases so negative that no ReLU ever fires",
    "high_learning_rate": "the learning rate is 1000 times too high",
    "vanishing_gradient": "ten sigmoid layers on top of one another",
    "constant_pictures": "a part of the pictures is empty",
    "nan_pictures": "some pictures hold NaN",
}


@dataclass(frozen=True)
class Finding:
    """One result of one of `CHECKS`, with one of `VERDICTS`.

    The name is the fault's, such as "softmax twice", the text says what was seen and what it most likely
    means, the remedy what to do; name and remedy are empty if all is well. The numbers are what was measured,
    the table is the same by layer or variable: a mapping for each row, all with the same keys.
    """

    check: str
    verdict: str
    name: str
    text: str
    remedy: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    table: tuple[Mapping[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        numbers = {name: _plain(value) for name, value in self.numbers.items()}
        table = [{name: _plain(value) for name, value in row.items()} for row in self.table]
        return {**vars(self), "numbers": numbers, "table": table}


@dataclass(frozen=True)
class Report:
    """All findings about a network and its data; what comes first may be the cause of what comes later."""

    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """The gravest verdict; "ok" if there are no findings."""
        return max((finding.verdict for finding in self.findings), key=VERDICTS.index, default="ok")

    def faults(self, verdict: str = "wrong") -> list[str]:
        """Names of the faults with this verdict, in the order of the checks."""
        return [finding.name for finding in self.findings if finding.verdict == verdict]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; numbers that aren't finite become text, as JSON has none."""
        return {"verdict": self.verdict, "findings": [finding.as_dict() for finding in self.findings]}

    def text(self, *, tables: bool = False, width: int = 100) -> str:
        """Returns lines for a terminal; `tables` also shows the numbers by layer where all is well."""
        return "\n".join(line for finding in self.findings for line in _lines(finding, tables, width))


def _lines(finding: Finding, tables: bool, width: int) -> list[str]:
    head = f"{finding.check:15}{finding.verdict:9}"
    title = f"{finding.name}: " if finding.name else ""
    lines = textwrap.wrap(title + finding.text, width, initial_indent=head, subsequent_indent=" " * 24)
    if finding.remedy:
        lines += textwrap.wrap(
            "→ " + finding.remedy, width, initial_indent=" " * 24, subsequent_indent=" " * 26
        )
    if finding.table and (tables or finding.verdict != "ok"):
        lines += [" " * 24 + line for line in _columns(finding.table)]
    return lines


def _columns(table: Iterable[Mapping[str, Any]]) -> list[str]:
    rows = [{name: _show(value) for name, value in row.items()} for row in table]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]}
    cells = [{name: name for name in widths}, *rows]
    return ["  ".join(f"{row[name]:{size}}" for name, size in widths.items()).rstrip() for row in cells]


def _show(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    return value
