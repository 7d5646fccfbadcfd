"""A picture's file, wherever its bytes are: a file of its own, at an address, or part of an archive."""

import os
import zlib
from dataclasses import dataclass
from typing import NamedTuple

from nst_keras.errors import InputError
from nst_keras.storage.remote import open_anywhere, read_range, size_anywhere, state_anywhere

_ZIP_HEADER = 30  # bytes, before a name and extra fields whose lengths its last four give


class Inside(NamedTuple):
    """Where in an archive a file is."""

    start: int  # of the bytes; in a zip file of the member's header
    length: int  # as stored
    unpacked: int = -1  # bytes when inflated, or as stored; -1: not in a zip file, just these bytes
    crc: int = 0
    deflated: bool = False


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A file by its name below a folder, an address or in an archive; `str` joins both."""

    root: str
    name: str
    inside: Inside | None = None

    def __str__(self) -> str:
        # As os.path.join has it, for millions.
        if self.root[-1:] in ("", "/") or self.name[:1] == "/":
            return os.path.join(self.root, self.name)
        return f"{self.root}/{self.name}"

    def state(self) -> str:
        """While it is the same, the bytes are; empty if that can't be told."""
        if self.inside is None:
            return state_anywhere(str(self))
        state = state_anywhere(self.root)
        return state and f"{state} {self.inside}"

    def size(self) -> int:
        """Bytes of it."""
        if self.inside is None:
            return size_anywhere(str(self))
        return max(self.inside.length, self.inside.unpacked)

    def read(self) -> bytes:
        """All bytes of it; raises an InputError that begins with its path."""
        try:
            if self.inside is None:
                with open_anywhere(str(self)) as file:
                    return file.read()
            return _read_member(self.root, self.inside)
        except InputError as error:
            text = str(error)
            named = text if text.startswith(str(self)) else f"{self}: {text}"
            raise InputError(named) from error
        except MemoryError as error:
            raise InputError(f"{self}: there is not enough memory for it") from error
        except OSError as error:
            raise InputError(f"{self}: cannot be read: {error.strerror or error}") from error


def _read_member(archive: str, inside: Inside) -> bytes:
    if inside.unpacked < 0:
        return _read_part(archive, inside.start, inside.length)
    header = _read_part(archive, inside.start, _ZIP_HEADER)
    if header[:4] != b"PK\3\4":
        raise InputError("is damaged: the archive has no file where its table says")
    skipped = sum(int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    data = _read_part(archive, inside.start + _ZIP_HEADER + skipped, inside.length)
    if inside.deflated:
        try:
            # One byte more than it may have, so that no bomb gets further.
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, inside.unpacked + 1)
        except zlib.error as error:
            raise InputError(f"is damaged: {error}") from error
    if len(data) != inside.unpacked or zlib.crc32(data) != inside.crc:
        raise InputError("is damaged: length or checksum isn't what the archive says")
    return data


def _read_part(archive: str, start: int, length: int) -> bytes:
    data = read_range(archive, start, length)
    if len(data) != length:
        raise InputError("is cut short")
    return data
