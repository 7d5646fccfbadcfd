"""Files and other things by the million: a few bytes for each, and objects only of what is asked for."""

import copy
from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

import numpy as np

from nst_keras.data.sources.picture_files import Inside, PictureFile

T = TypeVar("T")

_FIELDS = len(Inside._fields)
_NOWHERE = (-1,) * _FIELDS  # of a file of its own, among those in archives


class OnDemand(Generic[T]):
    """So many things that are made when they are asked for, each time anew."""

    def __init__(self, count: int, make: Callable[[int], T]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> T:
        return self._make(index)

    def __iter__(self) -> Iterator[T]:
        return map(self._make, range(self._count))


class Texts:
    """Texts in their order, as bytes one behind the other."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._bytes, self._ends = bytearray(), array("q", [0])
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        """Adds one."""
        self._bytes += text.encode("utf-8", "surrogatepass")  # file names need not be valid text
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> str:
        return self._bytes[self._ends[index] : self._ends[index + 1]].decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return map(self.__getitem__, range(len(self)))


class PictureFiles:
    """Files in their order, or some of them in another one.

    Attributes:
        rows: int64 [n], which of all files these are; None if they are all.
    """

    def __init__(self, files: Iterable[PictureFile] = ()) -> None:
        self._names, self._root_of = Texts(), array("i")
        self._roots, self._numbers = list[str](), dict[str, int]()
        self._inside = array("q")  # _FIELDS numbers for each file, unless none is in an archive
        self.rows: np.ndarray | None = None
        self.extend(files)

    def append(self, file: PictureFile) -> None:
        """Adds a file to all that there are."""
        if file.inside and not self._inside:
            self._inside.extend(_NOWHERE * len(self._names))
        if self._inside or file.inside:
            self._inside.extend(file.inside or _NOWHERE)
        number = self._numbers.setdefault(file.root, len(self._roots))
        if number == len(self._roots):
            self._roots.append(file.root)
        self._names.append(file.name)
        self._root_of.append(number)

    def extend(self, files: Iterable[PictureFile]) -> None:
        """Adds several."""
        for file in files:
            self.append(file)

    def __len__(self) -> int:
        return len(self._names) if self.rows is None else len(self.rows)

    def __getitem__(self, index: int) -> PictureFile:
        row = self.row(index)
        inside = self._inside[row * _FIELDS : (row + 1) * _FIELDS]
        return PictureFile(self._roots[self._root_of[row]], self._names[row], _inside_of(inside))

    def __iter__(self) -> Iterator[PictureFile]:
        return map(self.__getitem__, range(len(self)))

    def row(self, index: int) -> int:
        """The place among all files of one by its place among these."""
        return range(len(self))[index] if self.rows is None else int(self.rows[index])

    def picked(self, indices: np.ndarray) -> "PictureFiles":
        """Some of them, by their places among these."""
        some = copy.copy(self)
        some.rows = indices if self.rows is None else self.rows[indices]
        return some


def _inside_of(numbers: "array[int]") -> Inside | None:
    if not numbers or numbers[1] < 0:  # the length
        return None
    start, length, unpacked, crc, deflated = numbers
    return Inside(start, length, unpacked, crc, bool(deflated))
