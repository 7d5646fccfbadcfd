"""Picture files through a served model, several at once."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nst_keras.errors import InputError
from nst_keras.pictures.images import WRITABLE_SUFFIXES, decode_image, encode_image
from nst_keras.pictures.opening import open_image, pictures_among, pillow_errors
from nst_keras.serving.client.picture_options import read_for_server
from nst_keras.serving.client.pictures import Classification, PictureModel
from nst_keras.storage.files import check_writable, write_whole
from nst_keras.storage.folders import make_folder, walk_files

_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg"}


@dataclass(frozen=True)
class Done:
    """What became of a file: what was written if it was painted, what it shows, or why there is neither."""

    path: Path
    written: Path | None = None
    classification: Classification | None = None
    problem: InputError | None = None


def send_files(model: PictureModel, content: str, output: str, *, parallel: int) -> Iterator[Done]:
    """Sends a picture, or all in a folder, so many in parallel, and writes what a stylizer sends back.

    Yields what became of the files, in the order of their names; one that failed holds up no other. The
    output is a file with the suffix of a format that can be written, or a folder.
    """
    folder = Path(content)
    in_folder = folder.is_dir()
    if not in_folder:
        targets = {folder: None if model.is_classifier else _check_file(output)}
    elif model.is_classifier:
        targets = dict.fromkeys(_list_below(folder))
    else:
        targets = _targets(folder, output)

    def send(path: Path) -> Done:
        target = targets[path]
        try:
            data = read_for_server(path)
            if target is None:
                return Done(path, classification=model.classify(data))
            return Done(path, written=_write(model.paint(data), path, target, named=not in_folder))
        except InputError as error:
            return Done(path, problem=error)

    with ThreadPoolExecutor(parallel) as pool:
        yield from pool.map(send, targets)


def _list_below(folder: Path, leaving_out: Path | None = None) -> list[Path]:
    """Pictures in a folder and in those below it, but for hidden ones and for one folder."""
    paths = pictures_among(path for path in walk_files(folder) if leaving_out not in path.resolve().parents)
    if not paths:
        raise InputError(f"{folder}: must hold a picture, but none has a known suffix")
    return paths


def _targets(folder: Path, output: str) -> dict[Path, Path | None]:
    """Where what is painted of each picture goes: to the same place below the output, without a suffix."""
    _require_output(output)
    if (target := Path(output)).resolve() == folder.resolve():
        raise InputError(f"output must be another folder than the content's. Received: output={output}")
    targets: dict[Path, Path | None] = {}
    for path in _list_below(folder, target.resolve()):
        place = (target / path.relative_to(folder)).with_suffix("")
        if place in targets.values():
            raise InputError(f"{path}: another picture has this name with another suffix; rename one")
        targets[path] = place
    for parent in {place.parent for place in targets.values() if place}:
        make_folder(parent, "output")
    return targets


def _require_output(output: str) -> None:
    if not output:
        raise InputError("output must name a file, or a folder for a folder. Received: nothing")


def _check_file(output: str) -> Path:
    _require_output(output)
    target = Path(output)
    if target.suffix.lower() not in WRITABLE_SUFFIXES:
        raise InputError(f"output must end in {', '.join(WRITABLE_SUFFIXES)}. Received: output={output}")
    check_writable(target)
    return target


def _write(painted: bytes, path: Path, target: Path, *, named: bool) -> Path:
    """Writes an answer; unless it is named, the file's suffix follows from the answer."""
    with pillow_errors(f"the answer for {path}"):
        kind = open_image(io.BytesIO(painted)).format or ""
    if not named:
        target = target.with_name(target.name + _SUFFIXES.get(kind, ".png"))
    suffix = target.suffix.lower().replace(".jpeg", ".jpg")
    if suffix != _SUFFIXES.get(kind):
        painted = encode_image(decode_image(painted, f"the answer for {path}"), suffix)
    write_whole(target, painted)
    return target
