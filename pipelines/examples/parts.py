"""Work in parts: tasks that are run here or on a cluster, the files that they leave, and small tables."""

import contextlib
import csv
import io
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

from nst_keras.storage.files import write_whole
from pipelines.engine.stage import Context, Stopped

T = TypeVar("T")
R = TypeVar("R")
T_co = TypeVar("T_co", covariant=True)

_UNUSABLE = re.compile(r"^\.|[%/\\:\x00-\x1f]")


class Tasks(Protocol[T_co]):
    """Tasks whose number is known before they are."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[T_co]: ...


def run_tasks(context: Context, function: Callable[[T], R], tasks: Sequence[T], what: str) -> list[R]:
    """Runs a top-level function over tasks, perhaps twice; returns its results in the tasks' order.

    Shows of `what` so many are done, such as "writing examples: shard"; raises `Stopped` when asked to stop.
    """
    return list(iterate_results(context, function, tasks, what))


def iterate_results(context: Context, function: Callable[[T], R], tasks: Tasks[T], what: str) -> Iterator[R]:
    """The same, one result after the other."""
    for number, result in enumerate(context.map(function, tasks), start=1):
        context.show(f"{what} {number}/{len(tasks)}")
        yield result
        if number < len(tasks) and context.should_stop():
            raise Stopped


def shard_sizes(count: int, shards: int) -> tuple[int, ...]:
    """How many of `count` examples each of some shards gets: as many as the others, or one less."""
    return tuple(count // shards + (number < count % shards) for number in range(shards))


def divide(items: Sequence[T], shards: int) -> list[tuple[T, ...]]:
    """Divides things among shards, in order."""
    undivided = iter(items)
    return [tuple(islice(undivided, size)) for size in shard_sizes(len(items), shards)]


def portions(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """So many things at a time, the last time perhaps fewer."""
    iterator = iter(items)
    while portion := list(islice(iterator, size)):
        yield portion


def file_name(name: str) -> str:
    """A name as one for a file, different for different names."""
    return _UNUSABLE.sub(lambda match: f"%{ord(match[0]):02X}", name)


def keep(name: str | Path, scratch: Path, output: Path) -> None:
    """Gives a finished file of the scratch folder its name in an output, too.

    So a stage that is killed here has lost nothing. The file isn't copied if it needn't be: large collections
    would have to fit on the disk twice.
    """
    part, target = scratch / name, output / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # another disk, or one that knows no second names
        os.link(part, target)
        return
    shutil.copyfile(part, target)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes a CSV file whole; what a row has besides the columns is left out."""
    text = io.StringIO()
    table = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_whole(path, text.getvalue().encode())


def read_table(path: Path) -> list[dict[str, str]]:
    """Reads what `write_table` wrote, all values as text."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
