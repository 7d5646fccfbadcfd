"""Picture files through a served model, several at once."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nst_keras.errors import InputError
from nst_keras.pictures.images import WRITABLE_SUFFIXES, decode_image, encode_image, list_images
from nst_keras.pictures.opening import open_image, pillow_errors
from nst_keras.serving.client.picture_options import read_for_server
from nst_keras.serving.client.pictures import Classification, PictureModel
from nst_keras.storage.files import check_writable, write_whole

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
    paths = list_images(content) if Path(content).is_dir() else [Path(content)]
    target = None if model.is_classifier else _check_output(content, output)

    def send(path: Path) -> Done:
        try:
            data = read_for_server(path)
            if target is None:
                return Done(path, classification=model.classify(data))
            return Done(path, written=_write(model.paint(data), path, target))
        except InputError as error:
            return Done(path, problem=error)

    with ThreadPoolExecutor(parallel) as pool:
        yield from pool.map(send, paths)


def _check_output(content: str, output: str) -> Path:
    if not output:
        raise InputError("output must name a file, or a folder for a folder. Received: nothing")
    target = Path(output)
    if Path(content).is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return target
    if target.suffix.lower() not in WRITABLE_SUFFIXES:
        raise InputError(f"output must end in {', '.join(WRITABLE_SUFFIXES)}. Received: output={output}")
    check_writable(target)
    return target


def _write(painted: bytes, path: Path, target: Path) -> Path:
    with pillow_errors(f"the answer for {path}"):
        kind = open_image(io.BytesIO(painted)).format or ""
    if target.is_dir():
        target = target / (path.stem + _SUFFIXES.get(kind, ".png"))
    suffix = target.suffix.lower().replace(".jpeg", ".jpg")
    if suffix != _SUFFIXES.get(kind):
        painted = encode_image(decode_image(painted, f"the answer for {path}"), suffix)
    write_whole(target, painted)
    return target
