"""ExampleGen: a labelled data set, from wherever it comes, becomes sharded examples in three splits."""

import collections
import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nst_keras.data.settings import POSITION, SplitDatasetSettings
from nst_keras.data.sources.archives import is_archive
from nst_keras.data.sources.listing import is_file_source, list_pictures
from nst_keras.data.sources.picture_files import Inside, PictureFile
from nst_keras.data.sources.tables import is_table
from nst_keras.data.spans import find_spans, is_pattern, root_of
from nst_keras.errors import InputError
from nst_keras.fields import FROM_ONE, number
from nst_keras.storage.files import file_digest, write_whole, writing_whole
from nst_keras.storage.remote import as_local, is_remote, list_remote, state_anywhere
from pipelines.engine.memo import Piece
from pipelines.engine.stage import Context, Output, Outside, Stage, Stopped
from pipelines.engine.store.digests import address_of
from pipelines.examples.files import (
    Example,
    ExampleInfo,
    encode_picture,
    first_line,
    name_of,
    shard_name,
    write_info,
    write_shard,
)
from pipelines.examples.parts import divide, iterate_results, keep, run_tasks, shard_sizes
from pipelines.kinds import Examples

if TYPE_CHECKING:
    from nst_keras.data.image_dataset import ImageDataset, Split


@dataclass(frozen=True)
class ExampleGenConfig(SplitDatasetSettings):
    """Which data set, and how it is cut."""

    shards: int = number(4, "Files for each split, and of each span.", FROM_ONE)
    seed: int = number(0, "Of the cuts.")


Row: TypeAlias = tuple[PictureFile, str, str, int]  # file, SHA-256, name and label of a picture


@dataclass(frozen=True)
class FolderShard:
    """A shard to be written from files."""

    target: Path
    pictures: Sequence[Row]
    image_shape: tuple[int, int, int]
    piece: Piece


@dataclass(frozen=True)
class LookTask:
    """Pictures to look at by a function, and the file of what it sees, which another run finds.

    Beside it is a file of the pictures' bytes, so that none is read again where it lies.
    """

    look: Callable[..., list[Any]]
    pictures: Sequence[PictureFile]
    target: Path

    @property
    def bytes_file(self) -> Path:
        """Where the bytes are."""
        return self.target.with_suffix(".bytes")


class HeldBytes:
    """Where bytes of pictures are that were read, by SHA-256, in columns: there may be millions."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._digests = [np.zeros(0, "S64")]
        self._places = [np.zeros((0, 3), np.int64)]

    def add(self, file: str, digests: Sequence[str], places: Sequence[tuple[int, int]]) -> None:
        """Takes in that a file has the bytes of pictures, with start and length of each."""
        if digests:
            numbered = [(len(self._files), *place) for place in places]
            self._files.append(file)
            self._digests.append(np.array(digests, "S64"))
            self._places.append(np.array(numbered, np.int64))

    def instead(
        self, files: Sequence[PictureFile] | np.ndarray, digests: np.ndarray
    ) -> Iterator[PictureFile]:
        """Files, each where its bytes are held if they are."""
        known, places = np.concatenate(self._digests), np.concatenate(self._places)
        order = np.argsort(known, kind="stable")
        found = np.minimum(np.searchsorted(known[order], digests), max(0, len(known) - 1))
        for file, at, digest in zip(files, found, digests, strict=True):
            if len(known) and known[order[at]] == digest:
                number, start, length = places[order[at]].tolist()
                yield PictureFile(self._files[number], file.name, Inside(start, length))
            else:
                yield file


@dataclass
class Scan:
    """A data set that was looked at, and where bytes of its pictures are by now."""

    dataset: "ImageDataset"
    held: HeldBytes


def look_once(task: LookTask) -> list[Any]:
    """What is seen of pictures and their states, and of each that can be read its place and SHA-256."""
    if not task.target.exists():
        states = [_state(picture) for picture in task.pictures]
        places: dict[str, tuple[int, int, str]] = {}
        with writing_whole(task.bytes_file) as temporary, temporary.open("wb") as file:

            def keep(picture: PictureFile, data: bytes, sha256: str) -> None:
                places[str(picture)] = (file.tell(), len(data), sha256)
                file.write(data)

            seen = task.look(task.pictures, keep)
        found = [places.get(str(picture)) for picture in task.pictures]
        write_whole(task.target, json.dumps([seen, states, found]).encode())
    return json.loads(task.target.read_bytes())


def _state(picture: PictureFile) -> str:
    try:
        return picture.state()
    except (OSError, InputError):
        return ""  # whoever reads it says what is wrong


def scan(config: ExampleGenConfig, context: Context) -> Scan:
    """Opens the data set; of a picture that was seen in an earlier run nothing but its state is read."""
    from nst_keras.data.datasets import load_dataset

    held = HeldBytes()

    def known(picture: PictureFile) -> Any:
        return context.facts.get(address_of(picture), _state(picture))

    def run(look: Callable[..., Any], portions: Sequence[Sequence[PictureFile]]) -> Iterator[list[Any]]:
        new = [[known(picture) is None for picture in portion] for portion in portions]
        tasks: list[LookTask] = []
        for portion, is_new in zip(portions, new, strict=True):
            if any(is_new):
                target = context.scratch / f"seen-{len(tasks):06}.json"
                tasks.append(LookTask(look, tuple(itertools.compress(portion, is_new)), target))
        waiting = iter(tasks)
        results = iterate_results(context, look_once, tasks, "reading pictures: part")
        for portion, is_new in zip(portions, new, strict=True):
            fresh = iter(_taken_in(next(waiting), next(results), held, context) if any(is_new) else ())
            yield [next(fresh) if new_one else known(p) for p, new_one in zip(portion, is_new, strict=True)]

    options = config.options() | {"seed": config.seed, "note": context.say, "run": run}
    return Scan(load_dataset(config.dataset, **options), held)


def _taken_in(task: LookTask, result: list[Any], held: HeldBytes, context: Context) -> list[Any]:
    """What was seen of a task's pictures; keeps it for later runs, and where the bytes are for this one."""
    rows, places = [], []
    for picture, seen, state, place in zip(task.pictures, *result, strict=True):
        if place is not None:
            start, length, sha256 = place
            rows.append((address_of(picture), state, sha256, seen))
            places.append((start, length))
    held.add(str(task.bytes_file), [sha256 for _, _, sha256, _ in rows], places)
    context.facts.keep(rows)
    return result[0]


def generate_examples(
    config: ExampleGenConfig, context: Context, *, examples: Output[Examples]
) -> dict[str, Any]:
    """Writes train, validation and test as PNG files in TFRecord shards.

    Pictures are cut and resized as `nst_keras.data.datasets.load_dataset` says, so that all have one size;
    those that can't be read are left out.
    """
    scanned: Scan = context.scanned or scan(config, context)
    dataset = scanned.dataset
    in_files = any(len(split.files) for split in dataset.splits.values())
    if in_files:
        tasks = _folder_shards(scanned, config, context)
        counts = {name: tuple(len(task.pictures) for task in listed) for name, listed in tasks.items()}
        everything = [*itertools.chain.from_iterable(tasks.values())]
        found = iter(run_tasks(context, write_folder_shard, everything, "writing examples: shard"))
    else:
        found = iter(_write_stored(dataset, config, context))
        counts = {name: shard_sizes(split.size, config.shards) for name, split in dataset.splits.items()}
    digests = {split: tuple(itertools.islice(found, len(counts[split]))) for split in counts}
    for split, sizes in counts.items():
        for index in range(len(sizes)):
            keep(shard_name(split, index, len(sizes)), context.scratch, examples.path)
    # Where the folder is belongs to the machine, not to the examples.
    name = dataset.name
    if in_files:
        name = name.rstrip("/").rpartition("/")[2] if is_remote(name) else Path(name).resolve().name
    info = ExampleInfo(name, dataset.class_names, dataset.image_shape, counts, dataset.split_by, digests)
    write_info(examples.path, info)
    return {
        **{name: split.size for name, split in dataset.splits.items()},
        "classes": len(dataset.class_names),
        "left_out": len(dataset.skipped),
    }


def _folder_shards(scanned: Scan, config: ExampleGenConfig, context: Context) -> dict[str, list[FolderShard]]:
    dataset = scanned.dataset
    tasks: dict[str, list[FolderShard]] = {}
    root = os.path.dirname(dataset.name) if is_table(dataset.name) else dataset.name.rstrip("/")
    for split in dataset.splits.values():
        if split.labels is None or split.digests is None:
            raise ValueError(f"{split.name} of {dataset.name} isn't of files alone")
        files = scanned.held.instead(split.files, split.digests)
        names = (name_of(str(file).removeprefix(f"{root}/")) for file in split.files)
        labels, digests = split.labels.tolist(), map(bytes.decode, split.digests.tolist())
        pictures = list(zip(files, digests, names, labels, strict=True))
        shards = _divide(pictures, dataset, config)
        tasks[split.name] = []
        for index, part in enumerate(shards):
            target = context.scratch / shard_name(split.name, index, len(shards))
            piece = context.piece(write_folder_shard, [dataset.image_shape, [row[1:] for row in part]])
            tasks[split.name].append(FolderShard(target, part, dataset.image_shape, piece))
    return tasks


def _divide(
    pictures: Sequence[Row], dataset: "ImageDataset", config: ExampleGenConfig
) -> Sequence[Sequence[Row]]:
    """A split's pictures by shard.

    A picture's shard follows from its span and its digest alone, so that others may come and go and most
    shards are what they were: the memo knows what follows from those.
    """
    if dataset.split_by == POSITION:
        return divide(pictures, config.shards)
    spec, spans = as_local(config.dataset), dict[str, int]()
    if is_pattern(spec):
        for folder in find_spans(spec, config.spans):
            first = folder.relative_to(root_of(spec)).parts[0]
            spans.setdefault(name_of(first), len(spans))
    shards: list[list[Row]] = [[] for _ in range(max(1, len(spans)) * config.shards)]
    for row in pictures:
        span, place = spans.get(row[2].partition("/")[0], 0), int(row[1][:12], 16)
        shards[span * config.shards + place * config.shards // 16**12].append(row)
    return shards


def write_folder_shard(task: FolderShard) -> str:
    """Writes a shard unless it is there; returns its digest."""
    task.piece.once(task.target, lambda: write_shard(task.target, _read_files(task)))
    return file_digest(task.target)


def _read_files(task: FolderShard) -> Iterator[Example]:
    import tensorflow as tf

    from nst_keras.ops.fitting import fit_pixels
    from nst_keras.pictures.images import decode_image

    height, width, channels = task.image_shape
    for file, digest, name, label in task.pictures:
        data = file.read()
        if hashlib.sha256(data).hexdigest() != digest:
            raise InputError(f"{file}: changed after it was looked at; run again, while nobody changes it")
        pixels = tf.cast(decode_image(data, str(file))[..., :channels], tf.uint8)
        yield Example(name, encode_picture(fit_pixels(pixels, height, width).numpy()), label)


def _write_stored(dataset: "ImageDataset", config: ExampleGenConfig, context: Context) -> list[str]:
    """Writes the shards of a set that tensorflow-datasets keeps, here: one pass over its own files.

    Returns their digests.
    """
    digests = list[str]()
    for split in dataset.splits.values():
        names = [shard_name(split.name, index, config.shards) for index in range(config.shards)]
        targets = [context.scratch / name for name in names]
        missing = [target for target in targets if not target.exists()]
        stored = _stored(dataset, split)
        for target, count in zip(targets, shard_sizes(split.size, config.shards), strict=True):
            if not missing:
                break
            part = itertools.islice(stored, count)
            if target in missing:
                write_shard(target, part)
                missing.remove(target)
            else:
                collections.deque(part, maxlen=0)
            context.show(f"writing examples: {target.name}")
            if context.should_stop():
                raise Stopped
        digests += map(file_digest, targets)
    return digests


def _stored(dataset: "ImageDataset", split: "Split") -> Iterator[Example]:
    import tensorflow as tf

    try:
        for position, (pixels, label) in enumerate(split.examples.as_numpy_iterator()):
            yield Example(f"{split.name}-{position:06}", encode_picture(pixels), int(label))
    except tf.errors.OpError as error:
        raise InputError(
            f"{dataset.name}: holds a picture that can't be read: {first_line(error)}"
        ) from error


def _reads(config: ExampleGenConfig) -> list[Path | Outside]:
    """What the data set's files are, if it is in files; other sets are known by name and version."""
    spec = as_local(config.dataset)
    if is_pattern(spec):
        sources = list(map(str, find_spans(spec, config.spans)))
    elif is_remote(spec):
        sources = [spec]
    else:
        path = Path(spec).expanduser()
        sources = [str(path)] if path.is_dir() or (is_file_source(spec) and path.exists()) else []
    return [_outside(source) for source in sources]


def _outside(source: str) -> Path | Outside:
    if is_table(source):
        return Outside(source, lambda: _table_files(source))
    if not is_remote(source):
        return Path(source)
    if is_archive(source):
        # By its pictures: whoever looks at these needn't read all of it once more.
        return Outside(source, lambda: _members(source), lambda: state_anywhere(source))
    return Outside(source, lambda: ((name, f"{source.rstrip('/')}/{name}") for name in list_remote(source)))


def _members(archive: str) -> Iterator[tuple[str, PictureFile]]:
    for part, classes in list_pictures([archive]).parts.items():
        for name, files in classes.items():
            yield from ((f"{part}/{name}/{file.name}", file) for file in files)


def _table_files(table: str) -> Iterator[tuple[str, str | PictureFile]]:
    """The table and all pictures that it names and that are there."""
    yield "", table
    parts = list_pictures([table]).parts
    for file in (file for classes in parts.values() for files in classes.values() for file in files):
        if is_remote(str(file)) or os.path.isfile(str(file)):
            yield file.name, file


ExampleGen = Stage(generate_examples, "ExampleGen", reads=_reads, scan=scan)
