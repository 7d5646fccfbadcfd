"""Where the pictures of a folder of classes are: `class/picture`, or `train/class/picture` and so on."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from nst_keras.data.settings import PARTS
from nst_keras.errors import InputError
from nst_keras.pictures.images import list_folder, list_images
from nst_keras.pictures.opening import pictures_among

# Part, class, files.
Parts = dict[str, dict[str, list[Path]]]


def merge_parts(folders: Sequence[Path]) -> Parts:
    """The same of one or several folders together, which must have the same parts."""
    found = [find_parts(folder) for folder in folders]
    for folder, parts in zip(folders, found, strict=True):
        if parts.keys() != found[0].keys():
            expected = f"must have the parts of {folders[0]} ({', '.join(found[0])})"
            raise InputError(f"{folder}: {expected}. Received: {', '.join(parts)}")
    merged: Parts = {}
    for part in found[0]:
        names = sorted({name for parts in found for name in parts[part]})
        merged[part] = {name: [p for parts in found for p in parts[part].get(name, [])] for name in names}
    return merged


def find_parts(root: Path) -> Parts:
    """Lists pictures by part and class; hidden files and folders are left out.

    If there is a folder `train`, the parts are `train`, `validation` and `test`; otherwise each folder is a
    class and everything belongs to the part "train". Classes are sorted by name.
    """
    folders = _folders(root)
    if not (root / "train").is_dir():
        return {"train": _find_classes(root, least=2)}
    unknown = [folder.name for folder in folders if folder.name not in PARTS]
    if unknown:
        expected = f"must hold nothing but {', '.join(PARTS)} when there is train"
        raise InputError(f"{root}: {expected}. Received: {', '.join(unknown)}")
    parts = {folder.name: _find_classes(folder, least=2 * (folder.name == "train")) for folder in folders}
    known = parts["train"]
    for part, classes in parts.items():
        extra = [name for name in classes if name not in known]
        if extra:
            expected = f"must hold the classes of train ({', '.join(known)})"
            raise InputError(f"{root / part}: {expected}. Received: {', '.join(extra)}")
    return {part: parts[part] for part in PARTS if part in parts}


def _find_classes(folder: Path, least: int) -> dict[str, list[Path]]:
    # File systems differ in how they spell accents; labels must not.
    classes = {unicodedata.normalize("NFC", path.name): path for path in _folders(folder)}
    pictures = {name: _find_pictures(classes[name]) for name in sorted(classes)}
    if len(pictures) < least:
        raise InputError(f"{folder}: must hold at least two classes. Received: {', '.join(pictures)}")
    return pictures


def _find_pictures(folder: Path) -> list[Path]:
    deeper = [entry.name for entry in list_folder(folder) if entry.is_dir()]
    if deeper:
        expected = "the pictures of one class and no folders, as class/picture or train/class/picture"
        raise InputError(f"{folder}: must hold {expected}. Received: folder {deeper[0]}")
    return list_images(folder)


def _folders(root: Path) -> list[Path]:
    """Returns the folders in a folder that must hold nothing but them, as far as pictures go."""
    entries = list_folder(root)
    loose = pictures_among(entries)
    if loose:
        expected = "must hold a folder for each class and the pictures in those"
        raise InputError(f"{root}: {expected}. Received: picture {loose[0].name}")
    folders = [path for path in entries if path.is_dir()]
    if not folders:
        raise InputError(f"{root}: must hold a folder for each class. Received: no folder")
    return folders
