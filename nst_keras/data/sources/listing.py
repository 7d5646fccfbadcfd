"""Which pictures a source has, by part and class: a folder, archives, a table, or a folder at an address.

class/picture                       or train/class/picture beside test/… and perhaps validation/…
archive.tar or .zip                 the same inside, below any common folder; or webdataset's layout:
                                    KEY.jpg beside KEY.cls, which holds the class
folder of such archives             or of train/, test/ and validation/ with them; or their names begin so
table.csv or .parquet               columns path (relative to the table) and label, perhaps split
"""

import functools
import os
import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from nst_keras.data.settings import PARTS, TRAIN, VALIDATION
from nst_keras.data.sources.archives import Member, is_archive, list_archive
from nst_keras.data.sources.columns import PictureFiles, Texts
from nst_keras.data.sources.picture_files import PictureFile
from nst_keras.data.sources.tables import is_table, read_rows
from nst_keras.errors import InputError
from nst_keras.pictures.opening import is_picture_name
from nst_keras.storage.remote import is_remote, list_remote

Parts = dict[str, dict[str, PictureFiles]]  # by part and class, in the order of labels

_CLASS, _MOST_CLASS_BYTES = ".cls", 1000
_PART_NAMES = {**{part: part for part in PARTS}, "val": VALIDATION}
_DEPTH = 3  # folders that are looked into: part, class, and one too many


@dataclass
class Listing:
    """What a source has; `refused` are path and reason of what looks like a picture and isn't read."""

    parts: Parts
    refused: list[tuple[str, str]] = field(default_factory=list)
    by_value: bool = False  # whether classes are values, not folders


def is_file_source(path: str) -> bool:
    """Whether a file is an archive or a table by its name."""
    return is_archive(path) or is_table(path)


def list_pictures(sources: Sequence[str]) -> Listing:
    """The pictures of one or several sources together, which must have the same parts."""
    listings = [_list_source(source) for source in sources]
    first = listings[0].parts
    for source, listing in zip(sources, listings, strict=True):
        if listing.parts.keys() != first.keys():
            expected = f"must have the parts of {sources[0]} ({', '.join(first)})"
            raise InputError(f"{source}: {expected}. Received: {', '.join(listing.parts)}")
        _check_classes(source, listing.parts)
    if len(listings) == 1:
        return listings[0]
    found = [
        (part, name, files)
        for listing in listings
        for part, classes in listing.parts.items()
        for name, files in classes.items()
    ]
    by_value = all(listing.by_value for listing in listings)
    refused = [pair for listing in listings for pair in listing.refused]
    return Listing(_grouped(found, by_value=by_value), refused, by_value)


def _list_source(source: str) -> Listing:
    if is_file_source(source) and not is_remote(source) and not os.path.exists(source):
        raise InputError(f"{source}: does not exist")
    if is_table(source):
        return Listing(_grouped(_table_pictures(source), by_value=True), by_value=True)
    if is_archive(source):
        return _list_archives([(source, "")])
    remote = is_remote(source)
    names = Texts(_with_folders(list_remote(source)) if remote else _local_names(source))
    if archives := _archives_among(source, names):
        return _list_archives([(posixpath.join(source, name), part) for name, part in archives])

    def files() -> Iterator[tuple[str, PictureFile | None]]:
        return ((name, None if name[-1] == "/" else PictureFile(source, name)) for name in names)

    return Listing(_by_folders(source, files))


def _local_names(root: str, below: str = "", depth: int = _DEPTH) -> Iterator[str]:
    """Names of pictures and archives below a folder, and with a slash those of folders; no hidden ones."""
    try:
        with os.scandir(os.path.join(root, below)) as entries:
            shown = sorted((e for e in entries if e.name[0] != "."), key=lambda entry: entry.name)
    except FileNotFoundError as error:
        raise InputError(f"{root}: does not exist") from error
    except NotADirectoryError as error:
        expected = "neither a folder nor an archive (.tar, .zip) nor a table (.csv, .parquet)"
        raise InputError(f"{root}: is {expected}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{os.path.join(root, below)}: cannot be read: {reason}") from error
    for entry in shown:
        if entry.is_dir():
            yield f"{below}{entry.name}/"
            if depth > 1:
                yield from _local_names(root, f"{below}{entry.name}/", depth - 1)
        elif (is_picture_name(entry.name) or is_archive(entry.name)) and entry.is_file():
            yield below + entry.name


def _with_folders(names: Iterable[str]) -> list[str]:
    """Adds folders, which stores don't have, to names of files."""
    known = dict[str, None]()
    for name in names:
        parts = name.split("/")[:-1]
        known |= {"/".join(parts[:end]) + "/": None for end in range(1, len(parts) + 1)}
        if is_picture_name(name) or is_archive(name):
            known[name] = None
    return list(known)


def _archives_among(source: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """Names and parts of the archives that a folder is made of; none if it has folders of classes."""
    archives = [name for name in names if is_archive(name)]
    folders = {name for name in names if name[-1] == "/"}
    if not archives or not folders <= {f"{part}/" for part in PARTS}:
        return []
    by_name = [re.match(rf"({'|'.join(_PART_NAMES)})(?![a-z])", name) for name in archives]
    if not any(by_name):
        return [(name, TRAIN) for name in archives]
    if not all(by_name):
        other = archives[[match is None for match in by_name].index(True)]
        expected = f"all archives' names must begin with {', '.join(_PART_NAMES)}, or none"
        raise InputError(f"{source}: {expected}. Received: {other}")
    return [(name, _PART_NAMES[match[1]]) for name, match in zip(archives, by_name, strict=True) if match]


def _list_archives(archives: Iterable[tuple[str, str]]) -> Listing:
    """Pictures of archives, each of a part, or "" for one that may have parts inside."""
    found, refused, by_value = (
        list[tuple[str, str, PictureFile | PictureFiles]](),
        list[tuple[str, str]](),
        False,
    )
    for path, part in archives:
        members = list_archive(path)
        refused += [
            (os.path.join(path, m.name), f"{os.path.join(path, m.name)}: {m.refused}")
            for m in members
            if m.refused and is_picture_name(m.name)
        ]
        members = [member for member in members if not member.refused and not _is_hidden(member.name)]
        if any(member.name.endswith(_CLASS) for member in members):
            by_value = True
            found += _samples(path, part or TRAIN, members, refused)
        else:
            parts = _by_folders(path, functools.partial(_stripped, path, members))
            if part and parts.keys() != {TRAIN}:
                raise InputError(f"{path}: must hold folders of classes. Received: {', '.join(parts)}")
            for own, classes in parts.items():
                found += [(part or own, name, files) for name, files in classes.items()]
    return Listing(_grouped(found, by_value=by_value), refused, by_value)


def _is_hidden(name: str) -> bool:
    return any(part[:1] == "." or part == "__MACOSX" for part in name.rstrip("/").split("/"))


def _stripped(path: str, members: Sequence[Member]) -> Iterator[tuple[str, PictureFile | None]]:
    """Places and files of an archive's pictures and folders, without folders that all pictures share."""
    pictures = [member for member in members if is_picture_name(member.name) or member.name[-1] == "/"]
    shared: list[str] | None = None
    for member in pictures:
        if member.inside:
            folders = member.name.split("/")[:-2]
            common = folders if shared is None else [a for a, _ in _equal_beginning(shared, folders)]
            shared = common
    prefix = "".join(f"{folder}/" for folder in shared or [])
    prefix = prefix.removesuffix("train/")
    for member in pictures:
        if member.name.startswith(prefix) and member.name != prefix:
            place = member.name[len(prefix) :]
            yield place, PictureFile(path, member.name, member.inside) if member.inside else None


def _equal_beginning(one: Sequence[str], other: Sequence[str]) -> Iterator[tuple[str, str]]:
    for pair in zip(one, other, strict=False):
        if pair[0] != pair[1]:
            return
        yield pair


def _samples(
    path: str, part: str, members: Iterable[Member], refused: list[tuple[str, str]]
) -> Iterator[tuple[str, str, PictureFile]]:
    """Pictures with the classes that members of the same key hold; a key ends at its first dot."""
    waiting, classes = dict[str, PictureFile](), dict[str, str]()
    for member in members:
        folder, _, base = member.name.rpartition("/")
        key = f"{folder}/{base.partition('.')[0]}"
        file = PictureFile(path, member.name, member.inside)
        if is_picture_name(member.name):
            if key in waiting:
                raise InputError(
                    f"{path}: must have one picture for each key. Received: {waiting[key].name}, {file.name}"
                )
            waiting[key] = file
        elif member.name.endswith(_CLASS):
            classes[key] = _read_class(file)
    for key, file in waiting.items():
        if key in classes:
            yield part, classes[key], file
        else:
            refused.append(
                (str(file), f"{file}: has no class: there is no {file.name.partition('.')[0]}{_CLASS}")
            )


def _read_class(file: PictureFile) -> str:
    if file.inside and file.inside.length > _MOST_CLASS_BYTES:
        raise InputError(
            f"{file}: must hold the name or number of a class. Received: {file.inside.length} bytes"
        )
    text = file.read().decode("utf-8", "replace").strip()
    if not text or not text.isprintable():
        raise InputError(f"{file}: must hold the name or number of a class. Received: {text!r}")
    return text


def _table_pictures(table: str) -> Iterator[tuple[str, str, PictureFile]]:
    root, seen = os.path.dirname(table), dict[str, tuple[int, str, str]]()
    for number, path, label, split in read_rows(table):
        if split and split not in _PART_NAMES:
            expected = f"row {number}: split must be {', '.join(_PART_NAMES)}"
            raise InputError(f"{table}: {expected}. Received: {split}")
        part = _PART_NAMES.get(split, TRAIN)
        before = seen.setdefault(path, (number, label, part))
        if before[1:] != (label, part):
            told = f"{path} is {label} in {part}, but {before[1]} in {before[2]} in row {before[0]}"
            raise InputError(f"{table}: row {number}: {told}")
        if before[0] == number:
            yield part, label, PictureFile("" if os.path.isabs(path) or is_remote(path) else root, path)


def _by_folders(root: str, files: Callable[[], Iterable[tuple[str, PictureFile | None]]]) -> Parts:
    """Pictures by the folders that they lie in; folders without any are given, too, ending in a slash."""
    depth = any(place.startswith(f"{TRAIN}/") for place, _ in files())
    classes: Parts = {}
    for place, file in files():
        *folders, base = place.split("/")
        where = posixpath.join(root, *folders[:depth])
        if depth and folders and folders[0] not in PARTS:
            expected = f"must hold nothing but {', '.join(PARTS)} when there is train"
            raise InputError(f"{root}: {expected}. Received: {folders[0]}")
        if file and is_picture_name(base) and len(folders) <= depth:
            expected = "must hold a folder for each class and the pictures in those"
            raise InputError(f"{where}: {expected}. Received: picture {base}")
        if len(folders) > depth + 1:
            expected = "the pictures of one class and no folders, as class/picture or train/class/picture"
            inner = posixpath.join(root, *folders[: depth + 1])
            raise InputError(f"{inner}: must hold {expected}. Received: folder {folders[depth + 1]}")
        part = folders[0] if depth and folders else TRAIN
        own = classes.setdefault(part, {})
        if len(folders) == depth + 1:
            pictures = own.setdefault(folders[depth], PictureFiles())
            if file and is_picture_name(base):
                pictures.append(file)
    for part, own in classes.items():
        where = posixpath.join(root, part) if depth else root
        if not own:
            raise InputError(f"{where}: must hold a folder for each class. Received: no folder")
        for name, pictures in own.items():
            if not len(pictures):
                raise InputError(f"{where}/{name}: must hold a picture, but none has a known suffix")
    if not classes:
        raise InputError(f"{root}: must hold a folder for each class. Received: no folder")
    return _grouped((part, name, files) for part in classes for name, files in classes[part].items())


def _grouped(
    found: Iterable[tuple[str, str, PictureFile | PictureFiles]], *, by_value: bool = False
) -> Parts:
    """Pictures by part and class; numbers of classes that are values come in their order."""
    parts: Parts = {}
    for part, name, files in found:
        # File systems differ in how they spell accents; labels must not.
        own, name = parts.setdefault(part, {}), unicodedata.normalize("NFC", name)
        if isinstance(files, PictureFile):
            own.setdefault(name, PictureFiles()).append(files)
        elif own.setdefault(name, files) is not files:
            own[name].extend(files)
    names = {name for classes in parts.values() for name in classes}
    key: Callable[[str], object] = str
    if by_value and all(name.isdecimal() for name in names):
        key = int
    return {
        part: {name: parts[part][name] for name in sorted(parts[part], key=key)}  # type: ignore[arg-type]
        for part in PARTS
        if part in parts
    }


def _check_classes(root: str, parts: Parts) -> None:
    if TRAIN not in parts:
        raise InputError(f"{root}: must have pictures to train on. Received: {', '.join(parts) or 'none'}")
    known = parts[TRAIN]
    if len(known) < 2:
        where = posixpath.join(root, TRAIN) if len(parts) > 1 else root
        raise InputError(f"{where}: must hold at least two classes. Received: {', '.join(known)}")
    for part, classes in parts.items():
        extra = [name for name in classes if name not in known]
        if extra:
            expected = f"must hold the classes of train ({', '.join(known)})"
            raise InputError(f"{posixpath.join(root, part)}: {expected}. Received: {', '.join(extra)}")
