"""CollectionGen: photos and paintings, of any sizes and without labels, become sharded examples."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst_keras.errors import InputError
from nst_keras.fields import FROM_ONE, Settings, number, setting
from nst_keras.pictures.by_name import SAMPLE, load_picture
from nst_keras.pictures.images import decode_image, encode_image, list_images
from nst_keras.pictures.opening import pictures_among, plain_format
from nst_keras.pictures.resizing import fit_size, resize
from nst_keras.pictures.samples import CONTENTS
from nst_keras.storage.files import file_digest, open_file, write_whole
from nst_keras.storage.folders import each_once, walk_files
from pipelines.engine.stage import Context, Output, Stage
from pipelines.examples.collection import PAINTINGS, PHOTOS
from pipelines.examples.files import Example, ExampleInfo, name_of, shard_name, write_info, write_shard
from pipelines.examples.parts import divide, keep, run_tasks
from pipelines.kinds import Examples

SAMPLES = "samples"
_LISTED = 5


@dataclass(frozen=True)
class CollectionGenConfig(Settings):
    """Which pictures."""

    photos: str = setting(SAMPLES, "A folder of photos, also in folders below it, or samples; empty: none.")
    paintings: str = setting("", "A folder of paintings, or files or sample:NAME by commas; empty: none.")
    most_photos: int = number(2000, "How many photos to take at most, the first by name.", FROM_ONE)
    longest_side: int = number(640, "Larger pictures are made smaller to this, in pixels.", FROM_ONE)
    shards: int = number(4, "Files of photos, and of paintings.", FROM_ONE)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.photos and not self.paintings:
            raise InputError("photos or paintings must name pictures. Received: nothing")


@dataclass(frozen=True)
class CollectionShard:
    """A shard to be written: where to, and source (a path, or sample:NAME) and name of each picture."""

    target: Path
    pictures: tuple[tuple[str, str], ...]
    longest_side: int
    strict: bool


def generate_collection(
    config: CollectionGenConfig, context: Context, *, examples: Output[Examples]
) -> dict[str, Any]:
    """Writes the splits photos and paintings, named after the files.

    A JPEG file is stored as it is if it is upright, sRGB and small enough; everything else is decoded and
    stored as PNG, or as JPEG if it was one. A file of a folder that can't be read is left out; one that is
    named must be readable.
    """
    counts, digests, left_out = {}, {}, list[str]()
    for split, sources, strict in _sources(config):
        names = _unique([name_of(Path(source.removeprefix(SAMPLE)).stem) for source in sources])
        tasks = []
        for index, pictures in enumerate(divide([*zip(sources, names, strict=True)], config.shards)):
            target = context.scratch / shard_name(split, index, config.shards)
            tasks.append(CollectionShard(target, pictures, config.longest_side, strict))
        written = run_tasks(context, write_collection_shard, tasks, f"writing {split}: shard")
        reasons, digests[split] = zip(*written, strict=True)
        pairs = zip(tasks, reasons, strict=True)
        counts[split] = tuple(len(task.pictures) - len(lost) for task, lost in pairs)
        left_out += itertools.chain(*reasons)
        if not sum(counts[split]):
            raise InputError(f"{split}: must hold a picture, but none can be read: {left_out[-1]}")
        for task in tasks:
            keep(task.target.name, context.scratch, examples.path)
    for reason in left_out[:_LISTED]:
        context.say(f"left out: {reason}")
    if len(left_out) > _LISTED:
        context.say(f"left out: {len(left_out) - _LISTED} more")
    write_info(examples.path, ExampleInfo("collection", (), None, counts, "", digests))
    return {**{split: sum(sizes) for split, sizes in counts.items()}, "left_out": len(left_out)}


def write_collection_shard(task: CollectionShard) -> tuple[list[str], str]:
    """Writes a shard unless it is there, and returns why pictures were left out, and its digest."""
    report = task.target.with_suffix(".json")
    left_out: list[str] = []
    if not (task.target.exists() and report.exists()):
        write_shard(task.target, _read(task, left_out))
        write_whole(report, json.dumps(left_out).encode())
    return json.loads(report.read_bytes()), file_digest(task.target)


def _read(task: CollectionShard, left_out: list[str]) -> Iterator[Example]:
    for source, name in task.pictures:
        try:
            encoded = _stored_as(source, task.longest_side)
        except InputError as error:
            if task.strict:
                raise
            left_out.append(str(error))
            continue
        yield Example(name, encoded, None)


def _stored_as(source: str, longest_side: int) -> bytes:
    """The bytes to store for a picture."""
    data = b""
    if source.startswith(SAMPLE):
        pixels = load_picture(source, "sample")
    else:
        with open_file(source) as file:
            data = file.read()
        pixels = decode_image(data, source)
    small = max(pixels.shape[:2]) <= longest_side
    is_jpeg = data.startswith(b"\xff\xd8")
    if is_jpeg and small and plain_format(data, source):
        return data
    if not small:
        pixels = resize(pixels, *fit_size(pixels, longest_side))
    return encode_image(pixels, ".jpg" if is_jpeg else ".png")


def _sources(config: CollectionGenConfig) -> Iterator[tuple[str, list[str], bool]]:
    """Split, pictures, and whether each must be readable."""
    if config.photos == SAMPLES:
        yield PHOTOS, [SAMPLE + name for name in CONTENTS], True
    elif config.photos:
        folder = Path(config.photos).expanduser()
        if not folder.is_dir():
            raise InputError(f"photos must be a folder or {SAMPLES}. Received: photos={config.photos}")
        photos = [str(path) for path in each_once(pictures_among(walk_files(folder)))]
        if not photos:
            raise InputError(f"photos: {config.photos} must hold a picture, but none has a known suffix")
        yield PHOTOS, photos[: config.most_photos], False
    if config.paintings:
        folder = Path(config.paintings).expanduser()
        if folder.is_dir():
            yield PAINTINGS, [str(path) for path in list_images(folder)], False
        else:
            yield PAINTINGS, _listed(config.paintings), True


def _listed(paintings: str) -> list[str]:
    return list(filter(None, map(str.strip, paintings.split(","))))


def _unique(names: Sequence[str]) -> list[str]:
    """Gives the second and later of equal names a number."""
    taken, unique = set(names), dict[str, None]()
    for name in names:
        number, free = 2, name
        while free in unique or (free != name and free in taken):
            free, number = f"{name}-{number}", number + 1
        unique[free] = None
    return list(unique)


def _reads(config: CollectionGenConfig) -> list[Path]:
    paths = [] if config.photos in ("", SAMPLES) else [Path(config.photos).expanduser()]
    if config.paintings:
        folder = Path(config.paintings).expanduser()
        listed = [source for source in _listed(config.paintings) if not source.startswith(SAMPLE)]
        paths += [folder] if folder.is_dir() else [Path(source) for source in listed]
    return [path for path in paths if path.exists()]


CollectionGen = Stage(generate_collection, "CollectionGen", reads=_reads)
