"""Data that comes in spans: folders that are numbered or dated, of which the newest are taken."""

import re
from pathlib import Path

from nst_keras.errors import InputError

SPAN = "{SPAN}"


def is_pattern(spec: str) -> bool:
    """Whether a path has a place for a span."""
    return SPAN in spec


def root_of(pattern: str) -> Path:
    """The folder below which all spans are."""
    before = Path(pattern.partition(SPAN)[0] + "x").expanduser()
    return before.parent


def find_spans(pattern: str, newest: int) -> list[Path]:
    """The folders that `data/{SPAN}` or `data/day-{SPAN}/pictures` stands for, the newest last.

    A span is a number, or several as in 2026-11-29 or 2026_48; spans are ordered by these. At most the
    `newest` are taken, or all for 0.

    Raises:
        InputError: If there is none, or the pattern has more than one place for it.
    """
    before, *after = pattern.split(SPAN)
    if len(after) != 1:
        raise InputError(f"dataset must have {SPAN} once in its path. Received: dataset={pattern}")
    suffix, _, below = after[0].partition("/")
    prefix = before.rpartition("/")[2]
    named = re.compile(rf"{re.escape(prefix)}(\d+(?:[-_]\d+)*){re.escape(suffix)}")
    root, spans = root_of(pattern), []
    for entry in root.iterdir() if root.is_dir() else ():
        span = named.fullmatch(entry.name)
        if span and (entry / below).is_dir():
            numbers = tuple(map(int, re.findall(r"\d+", span[1])))
            spans.append((numbers, entry.name, entry / below))
    if not spans:
        raise InputError(
            f"{pattern}: there must be a folder with a number or a date for {SPAN}, but there is none"
        )
    return [folder for _, _, folder in sorted(spans)][-newest:]
