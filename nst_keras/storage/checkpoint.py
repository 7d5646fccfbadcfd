"""A moment of a run in one file, from which the same run goes on."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from nst_keras.errors import InputError
from nst_keras.storage.files import write_whole

Values = Mapping[str, Any]
Arrays = Mapping[str, Sequence[np.ndarray]]

_T = TypeVar("_T")
# What damaged or foreign archives raise when they are read or put into a network.
DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile)


def write_checkpoint(path: Path, values: Values, arrays: Arrays, record: Values) -> None:
    """Writes a file whole, of values that JSON can hold and groups of arrays by name.

    An empty group is left out. The record must be the same for a run to go on from here.
    """
    numbered = {f"{name}{i}": array for name, group in arrays.items() for i, array in enumerate(group)}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, header=json.dumps({**values, "record": record}), **numbered)
    write_whole(path, buffer.getvalue())


def read_checkpoint(
    path: Path,
    record: Values,
    go_on: Callable[[Values, Arrays], _T],
    *,
    other: str,
    advice: str,
    renew: Callable[[Values], Values] = lambda record: record,
) -> _T | None:
    """Returns what `go_on` makes of a file's values and arrays; None if there is no file.

    `renew` makes a record of an older version what it would be now.

    Raises:
        InputError: If the file is damaged, so that it can't be read or `go_on` fails; or if its run has
            another record, of which `other` tells before what differs, and `advice` behind.
    """
    try:
        # From bytes: np.load leaves a damaged file open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            values = json.loads(str(archive["header"]))
            old, new = (json.loads(json.dumps(r)) for r in (renew(values.pop("record")), record))
            differing = differences(old, new)
            if differing:
                raise InputError(f"{other}; these differ: {', '.join(differing)}. {advice}")
            return go_on(values, _groups(archive))
    except FileNotFoundError:
        return None
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(f"{path}: the checkpoint is damaged ({error}); delete it to start anew") from error


def _groups(archive: Mapping[str, np.ndarray]) -> Arrays:
    groups: dict[str, dict[int, np.ndarray]] = {}
    for name in archive:
        group = name.rstrip("0123456789")
        # The picture of an optimisation was once written alone, without a number.
        groups.setdefault(group, {})[int(name[len(group) :] or 0)] = archive[name]
    return {name: [group[i] for i in range(len(group))] for name, group in groups.items()}


def differences(old: Values, new: Values) -> list[str]:
    """Names the entries in which two records differ, with both values."""
    names: list[str] = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            names += differences(before, after)
        elif before != after and (name in old or after):  # a younger setting that is off changes nothing
            names.append(f"{name} (was {before}, is {after})")
    return names
