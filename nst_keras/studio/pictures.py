"""The pictures that people bring, each in a folder with a random name, and how a browser sees them."""

import contextlib
import ctypes
import filecmp
import io
import itertools
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from PIL import Image

from nst_keras.errors import InputError
from nst_keras.pictures.color_profiles import to_srgb
from nst_keras.pictures.opening import load_upright, open_image, pillow_errors
from nst_keras.pictures.samples import SAMPLE, SAMPLE_CONTENTS, SAMPLE_STYLES, sample_file
from nst_keras.storage.files import sync
from nst_keras.storage.folders import make_folder

LARGEST_SIDE = 8192  # of what a browser is shown
_LEAST_SIDE = 16  # as the optimiser
_LONGEST_NAME = 80
_HELD = 3600.0  # seconds after its last use in which an open page may still want a picture
_ID = re.compile(r"[0-9a-f]{32}")


class Shown(NamedTuple):
    """The bytes of a picture, and their media type."""

    data: bytes
    kind: str


def new_id() -> str:
    """A name that nobody guesses, and that is no path."""
    return secrets.token_hex(16)


def is_id(name: str) -> bool:
    """Whether `new_id` gives such names."""
    return _ID.fullmatch(name) is not None


def file_name(name: str) -> str:
    """A file name that is harmless in folders and on command lines, as near to `name` as can be."""
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join(c if c.isprintable() and c not in "<>:\"|?*,'`$;&" else "_" for c in last)
    stem, dot, suffix = plain.strip(" .").rpartition(".")
    stem = (stem if dot else suffix).lstrip(".-~ ")[:_LONGEST_NAME] or "picture"
    suffix = f".{suffix.lower()}" if dot and re.fullmatch(r"\w{1,5}", suffix, re.ASCII) else ".png"
    return f"{stem}{suffix}"


@contextlib.contextmanager
def _giving_memory_back() -> Iterator[None]:
    """After a function, gives to the system what glibc would keep of the memory that large pictures took."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)


class PictureStore:
    """Pictures by their ids, in a folder of their own.

    Args:
        folder: Where they are kept; made if need be.
        max_pixels: The largest width times height.
    """

    def __init__(self, folder: Path, max_pixels: int) -> None:
        self._folder, self._max_pixels = make_folder(folder, "folder"), max_pixels
        self._naming = threading.Lock()

    def add(self, name: str, file: Path) -> dict[str, object]:
        """Moves a file in if it is a picture that can be painted, whatever its name says; it is read whole.

        Recipes and commands know pictures by the names of their files, so that each has one of its own: what
        comes again is there already, and another picture of the same name gets a number.

        Raises:
            InputError: If it isn't, or can't be written.
        """
        name = file_name(name)
        width, height = _checked_size(file, name, self._max_pixels)
        with self._naming:
            path = self._placed(name, file)
        return {"id": path.parent.name, "name": path.name, "width": width, "height": height}

    def _placed(self, name: str, file: Path) -> Path:
        stem, suffix = os.path.splitext(name)
        there = list(self._folder.glob("*/*"))
        for number in itertools.count(1):
            wanted = name if number == 1 else f"{stem}_{number}{suffix}"
            named = [path for path in there if path.name == wanted]
            for path in named:
                if filecmp.cmp(path, file, shallow=False):
                    os.utime(path.parent)
                    return path
            if not named:
                break
        path = make_folder(self._folder / new_id(), "folder") / wanted
        sync(file)
        file.rename(path)
        return path

    def path(self, name: str) -> Path | None:
        """Where the picture with an id is, which is thereby used; None if there is none."""
        folder = self._folder / name
        if not is_id(name) or not folder.is_dir():
            return None
        os.utime(folder)
        return next(iter(folder.iterdir()), None)

    def forget(self, needed: Collection[str], seconds: float, most_bytes: int) -> None:
        """Removes pictures unused for so long that aren't needed; above a size, the longest unused of these.

        What was used within the last hour stays.
        """
        kept = 0
        for last_use, folder in sorted(
            ((each.stat().st_mtime, each) for each in self._folder.iterdir()), reverse=True
        ):
            size = sum(path.stat().st_size for path in folder.iterdir())
            unused = time.time() - last_use
            kept += size
            if folder.name not in needed and unused > _HELD and (unused > seconds or kept > most_bytes):
                shutil.rmtree(folder)
                kept -= size

    def newest_named(self, name: str) -> str:
        """The id of the picture that came last of those whose file has a name; "" if none has."""
        found = [path for path in self._folder.glob("*/*") if path.name == name]
        return max(found, key=lambda path: path.stat().st_mtime).parent.name if found else ""


@_giving_memory_back()
def _checked_size(file: Path, name: str, max_pixels: int) -> tuple[int, int]:
    """Width and height of a picture that can be painted; it is decoded to its end."""
    with file.open("rb") as opened, pillow_errors(name):
        image = open_image(opened)
        load_upright(image, max_pixels)
        if min(image.size) < _LEAST_SIDE:
            received = f"{image.width}x{image.height}"
            raise InputError(f"must be at least {_LEAST_SIDE} pixels wide and high. It is {received}")
        return image.size


@_giving_memory_back()
def shown(file: BinaryIO, name: str, side: int | None, max_pixels: int) -> Shown:
    """A picture as a browser may have it: upright, in sRGB, without what cameras tell, and not too large.

    JPEG, or PNG if it is transparent.
    """
    side = min(side or LARGEST_SIDE, LARGEST_SIDE)
    with pillow_errors(name):
        image = open_image(file)
        if image.width * image.height <= max_pixels:
            image.draft("RGB", (2 * side, 2 * side))  # JPEG is decoded smaller at once
        load_upright(image, max_pixels)
        rgb, alpha = to_srgb(image)
        if alpha is not None:
            rgb.putalpha(alpha)
        rgb.thumbnail((side, side), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        if alpha is None:
            rgb.save(buffer, "JPEG", quality=90)
            return Shown(buffer.getvalue(), "image/jpeg")
        rgb.save(buffer, "PNG")
        return Shown(buffer.getvalue(), "image/png")


def is_sample(name: str) -> bool:
    """Whether a sample has that name, which begins with `sample:`."""
    return name in SAMPLE_CONTENTS + SAMPLE_STYLES


def file_of_sample(name: str) -> bytes:
    """The file of `sample:NAME`."""
    return sample_file(name.removeprefix(SAMPLE))
