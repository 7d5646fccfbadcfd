"""Data that comes in spans: folders that are numbered or dated, of which the newest are taken."""

import re
from pathlib import Path

from nst_keras.data.sources.listing import is_file_source
from nst_keras.errors import InputError
from nst_keras.storage.remote import is_remote

SPAN = "{SPAN}"


def is_pattern(spec: str) -> bool:
    """Whether a path has a place for a span."""
    return SPAN in spec


def root_of(pattern: str) -> Path:
    """The folder below which all spans are."""
    before = Path(pattern.partition(SPAN)[0] + "x").expanduser()
    return before.parent


def find_spans(pattern: str, newest: int) -> list[Path]:
    """What `data/{SPAN}`, `data/{SPAN}.tar` or `data/day-{SPAN}/pictures` stands for, the newest last.

    These are folders, archives or tables.

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
    if is_remote(pattern):
        raise InputError(f"{SPAN} stands for local folders. Received: dataset={pattern}")
    root, spans = root_of(pattern), []
    for entry in root.iterdir() if root.is_dir() else ():
        span = named.fullmatch(entry.name)
        place = entry / below
        if span and (place.is_dir() or (is_file_source(place.name) and place.is_file())):
            numbers = tuple(map(int, re.findall(r"\d+", span[1])))
            spans.append((numbers, entry.name, place))
    if not spans:
        raise InputError(
            f"{pattern}: there must be a folder or file with a number or a date for {SPAN}, but there is none"
        )
    return [folder for _, _, folder in sorted(spans)][-newest:]
