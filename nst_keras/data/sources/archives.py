"""Archives of pictures, tar and zip: what is in them and where, so that nothing need be unpacked to a disk.

An archive is a stranger's: names that lead elsewhere, links, sparse and encrypted members and ones that grow
beyond bounds are told, not read, and an archive that is cut short isn't taken for a smaller one.
"""

import posixpath
import re
import tarfile
import zipfile
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from nst_keras.data.sources.picture_files import Inside
from nst_keras.errors import InputError
from nst_keras.storage.remote import open_anywhere

SUFFIXES = (".tar", ".zip")
PACKED = (".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")
_LARGEST = 1 << 30  # bytes of a member, unpacked: five times the largest picture that is decoded as JPEG
_CUT = "is damaged or cut short"
# What the standard library lets through of damaged archives.
_ERRORS = (
    tarfile.TarError,
    zipfile.BadZipFile,
    OSError,
    ValueError,
    EOFError,
    OverflowError,
    NotImplementedError,
)


class Member(NamedTuple):
    """A file or folder of an archive: its clean name, and where it is or why it isn't read."""

    name: str  # with slashes, a folder's with one at its end
    inside: Inside | None
    refused: str = ""


def is_archive(path: str) -> bool:
    """Whether a file is an archive by its name."""
    return path.lower().endswith((*SUFFIXES, *PACKED))


def list_archive(path: str) -> list[Member]:
    """The members of an archive in their order; of several with one name, the last, as when unpacking.

    Raises:
        InputError: If it can't be read, is cut short, or is compressed as a whole.
    """
    if path.lower().endswith(PACKED):
        raise InputError(
            f"{path}: is compressed as a whole, so that no picture in it is reached without all before it; "
            "pictures hardly shrink by that: unpack it to a .tar"
        )
    with open_anywhere(path) as file:
        try:
            members = _zip_members(file) if path.lower().endswith(".zip") else _tar_members(file)
            return list({member.name: member for member in members}.values())
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        except _ERRORS as error:
            raise InputError(f"{path}: {_CUT}: {error}") from error


def _tar_members(file: BinaryIO) -> Iterator[Member]:
    with tarfile.open(fileobj=file, mode="r:") as tar:
        while (info := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # else it keeps them all
            refused = _name_refusal(info.name)
            if info.isdir():
                yield _member(info.name + "/", None, refused)
            elif info.issym() or info.islnk():
                yield _member(info.name, None, refused or f"is a link to {info.linkname}")
            elif not info.isreg() or info.issparse():
                yield _member(info.name, None, refused or "is no plain file")
            else:
                inside = Inside(info.offset_data, info.size)
                yield _member(info.name, inside, refused or _size_refusal(info.size))
        # tarfile takes a damaged header for the end.
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise InputError(f"{_CUT}: it has no mark of its end")


def _zip_members(file: BinaryIO) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise InputError(f"is damaged: {info.filename!r} lies over the one before it")
        end = info.header_offset + info.compress_size
    for info in infos:
        refused = _name_refusal(info.filename) or _size_refusal(info.file_size)
        if info.is_dir():
            yield _member(info.filename, None, refused)
            continue
        if (info.external_attr >> 16) & 0o170000 == 0o120000:
            refused = refused or "is a link"
        if info.flag_bits & 1:
            refused = refused or "is encrypted"
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            refused = refused or f"must be stored or deflated. Received: method {info.compress_type}"
        deflated = info.compress_type == zipfile.ZIP_DEFLATED
        inside = Inside(info.header_offset, info.compress_size, info.file_size, info.CRC, deflated)
        yield _member(info.filename, inside, refused)


def _member(name: str, inside: Inside | None, refused: str) -> Member:
    clean = name if refused else posixpath.normpath(name) + "/" * name.endswith("/")
    return Member(clean, None if refused else inside, refused)


def _name_refusal(name: str) -> str:
    parts = re.split(r"[/\\]", name)
    leads_out = not parts[0] or ".." in parts or re.fullmatch("[A-Za-z]:", parts[0])
    return "has a name that leads out of the archive" if leads_out else ""


def _size_refusal(size: int) -> str:
    return f"must have at most {_LARGEST} bytes. Received: {size}" if size > _LARGEST else ""
