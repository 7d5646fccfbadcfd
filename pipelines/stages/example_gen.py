"""ExampleGen: a labelled data set, from wherever it comes, becomes sharded examples in three splits."""

import collections
import hashlib
import itertools
import json
import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nst_keras.data.file_sets import FileSet, FileSplit, Look, find_source, read_file_set, suffices
from nst_keras.data.load_options import LoadOptions
from nst_keras.data.settings import POSITION, SplitDatasetSettings
from nst_keras.data.sources.archives import is_archive
from nst_keras.data.sources.columns import OnDemand
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
from pipelines.examples.parts import iterate_results, keep, portions, run_tasks, shard_sizes
from pipelines.examples.plain_pngs import is_sound
from pipelines.kinds import Examples

if TYPE_CHECKING:
    from nst_keras.data.image_dataset import ImageDataset, Split

_LOAD_OPTIONS = {field.name for field in fields(LoadOptions)}
_HALVES = slice(0, 3), slice(3, 6)  # of six bytes
_ROWS = 1000  # of pictures, in a line of a shard's file


@dataclass(frozen=True)
class ExampleGenConfig(SplitDatasetSettings):
    """Which data set, and how it is cut."""

    shards: int = number(4, "Files for each split, and of each span.", FROM_ONE)
    seed: int = number(0, "Of the cuts.")


Row: TypeAlias = tuple[PictureFile, str, str, int]  # file, SHA-256, name and label of a picture


@dataclass(frozen=True)
class FolderShard:
    """A shard to be written from files, which are listed in a file of rows: there may be many."""

    target: Path
    rows: Path
    image_shape: tuple[int, int, int]
    piece: Piece


@dataclass(frozen=True)
class LookTask:
    """Pictures to look at by a function, and the file of what it sees, which another run finds.

    Beside it is a file of the pictures' bytes, so that none is read again where it lies.
    """

    look: Look
    pictures: Sequence[PictureFile]
    target: Path

    @property
    def bytes_file(self) -> Path:
        """Where the bytes are."""
        return self.target.with_suffix(".bytes")


class HeldBytes:
    """Where bytes of pictures are that were read, in columns, in the order of the data set's listing."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._numbers, self._starts, self._lengths = array("i"), array("q"), array("q")

    def add(self, file: Path | None = None, start: int = 0, length: int = 0) -> None:
        """Takes in where the next picture's bytes are; without a file nobody has read them."""
        if file and (not self._files or self._files[-1] != str(file)):
            self._files.append(str(file))
        self._numbers.append(len(self._files) - 1 if file else -1)
        self._starts.append(start)
        self._lengths.append(length)

    def instead(self, file: PictureFile, row: int) -> PictureFile:
        """A file by its place in the listing, where its bytes are held if they are."""
        if self._numbers[row] < 0:
            return file
        held = Inside(self._starts[row], self._lengths[row])
        return PictureFile(self._files[self._numbers[row]], file.name, held)


@dataclass
class Scan:
    """A data set that was looked at, and where bytes of its pictures are by now."""

    dataset: FileSet
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


def scan(config: ExampleGenConfig, context: Context) -> Scan | None:
    """Looks at a data set's files; of one that was seen in an earlier run nothing but its state is read.

    None if the set has a name and isn't in files of ours.
    """
    source = find_source(config.dataset, config.spans, context.say)
    if source is None:
        return None
    held = HeldBytes()

    def known(portion: Sequence[PictureFile]) -> list[Any]:
        return context.facts.get([(address_of(picture), _state(picture)) for picture in portion])

    def run(look: Look, portions: OnDemand[tuple[PictureFile, ...]]) -> Iterator[list[Any]]:
        new = [bytes(not suffices(seen, look) for seen in known(portion)) for portion in portions]
        places = [place for place, flags in enumerate(new) if any(flags)]

        def task(number: int) -> LookTask:
            pictures = itertools.compress(portions[places[number]], new[places[number]])
            return LookTask(look, tuple(pictures), context.scratch / f"seen-{number:06}.json")

        tasks = OnDemand(len(places), task)
        results = zip(
            tasks, iterate_results(context, look_once, tasks, "reading pictures: part"), strict=False
        )
        for portion, flags in zip(portions, new, strict=True):
            fresh = iter(_taken_in(*next(results), context) if any(flags) else ())
            old = iter(known([*itertools.compress(portion, (not is_new for is_new in flags))]))
            seen = list[Any]()
            for is_new in flags:
                one, place = next(fresh) if is_new else (next(old), ())
                held.add(*place)
                seen.append(one)
            yield seen

    own = {name: value for name, value in config.options().items() if name in _LOAD_OPTIONS}
    options = LoadOptions(**own, seed=config.seed, note=context.say)
    return Scan(read_file_set(source, options, strict=config.strict, run=run), held)


def _taken_in(
    task: LookTask, result: list[Any], context: Context
) -> Iterator[tuple[Any, tuple[Path, int, int] | tuple[()]]]:
    """What was seen of a task's pictures, which is kept for later runs, and where their bytes are."""
    rows = [
        (address_of(picture), state, place[2], seen)
        for picture, seen, state, place in zip(task.pictures, *result, strict=True)
        if place is not None
    ]
    context.facts.keep(rows)
    for seen, place in zip(result[0], result[2], strict=True):
        yield seen, () if place is None else (task.bytes_file, place[0], place[1])


def generate_examples(
    config: ExampleGenConfig, context: Context, *, examples: Output[Examples]
) -> dict[str, Any]:
    """Writes train, validation and test as PNG files in TFRecord shards.

    Pictures are cut and resized as `nst_keras.data.datasets.load_dataset` says, so that all have one size;
    those that can't be read are left out. PNGs that have it and hold nothing but pixels stay as they are.
    """
    scanned: Scan | None = context.scanned or scan(config, context)
    dataset: FileSet | ImageDataset
    if scanned:
        dataset = scanned.dataset
        tasks, counts = _folder_shards(scanned, config, context)
        found = iter(run_tasks(context, write_folder_shard, tasks, "writing examples: shard"))
    else:
        dataset = _load_named(config, context)
        found = iter(_write_stored(dataset, config, context))
        counts = {name: shard_sizes(split.size, config.shards) for name, split in dataset.splits.items()}
    digests = {split: tuple(itertools.islice(found, len(counts[split]))) for split in counts}
    for split, sizes in counts.items():
        for index in range(len(sizes)):
            keep(shard_name(split, index, len(sizes)), context.scratch, examples.path)
    # Where the folder is belongs to the machine, not to the examples.
    name = dataset.name
    if scanned:
        name = name.rstrip("/").rpartition("/")[2] if is_remote(name) else Path(name).resolve().name
    info = ExampleInfo(name, dataset.class_names, dataset.image_shape, counts, dataset.split_by, digests)
    write_info(examples.path, info)
    return {
        **{name: split.size for name, split in dataset.splits.items()},
        "classes": len(dataset.class_names),
        "left_out": len(dataset.skipped),
    }


def _load_named(config: ExampleGenConfig, context: Context) -> "ImageDataset":
    from nst_keras.data.datasets import load_dataset

    return load_dataset(config.dataset, **config.options(), seed=config.seed, note=context.say)


def _folder_shards(
    scanned: Scan, config: ExampleGenConfig, context: Context
) -> tuple[list[FolderShard], dict[str, tuple[int, ...]]]:
    """Tasks, and how many pictures each shard has by split; the lists of pictures are on the disk."""
    dataset, tasks, counts = scanned.dataset, list[FolderShard](), dict[str, tuple[int, ...]]()
    for name, split in dataset.splits.items():
        shards = _divide(split, dataset, config)
        counts[name] = tuple(map(len, shards))
        for index, places in enumerate(shards):
            target = context.scratch / shard_name(name, index, len(shards))
            rows = target.with_name(f"rows-{target.stem}.json")
            digest = _write_rows(rows, scanned, split, places)
            piece = context.piece(write_folder_shard, [dataset.image_shape, digest])
            tasks.append(FolderShard(target, rows, dataset.image_shape, piece))
    return tasks, counts


def _write_rows(target: Path, scanned: Scan, split: FileSplit, places: np.ndarray) -> str:
    """Writes some of a split's pictures, many a line; returns a digest of all but where they lie."""
    root, over_all = _root(scanned.dataset), hashlib.sha256()
    with writing_whole(target) as temporary, temporary.open("w", encoding="ascii") as lines:
        for some in portions(places.tolist(), _ROWS):
            rows, about = [], []
            for place, digest in zip(some, split.digests[some].tolist(), strict=True):
                file = split.files[place]
                held = scanned.held.instead(file, split.files.row(place))
                rows.append((held.root, held.name, held.inside))
                about.append((digest.hex(), _name(file, root), int(split.labels[place])))
            over_all.update(json.dumps(about).encode())
            lines.write(f"{json.dumps([rows, about])}\n")
    return over_all.hexdigest()


def _read_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="ascii") as lines:
        for line in lines:
            for (root, name, inside), about in zip(*json.loads(line), strict=True):
                yield PictureFile(root, name, None if inside is None else Inside(*inside)), *about


def _root(dataset: FileSet) -> str:
    return os.path.dirname(dataset.name) if is_table(dataset.name) else dataset.name.rstrip("/")


def _name(file: PictureFile, root: str) -> str:
    return name_of(str(file).removeprefix(f"{root}/"))


def _divide(split: FileSplit, dataset: FileSet, config: ExampleGenConfig) -> list[np.ndarray]:
    """Places of a split's pictures by shard, ascending.

    A picture's shard follows from its span and its digest alone, so that others may come and go and most
    shards are what they were: the memo knows what follows from those.
    """
    if dataset.split_by == POSITION:
        ends = np.cumsum(shard_sizes(split.size, config.shards))
        return np.split(np.arange(split.size), ends[:-1])
    leading = split.digests.view(np.uint8).reshape(-1, 32)[:, :6].astype(np.uint64)
    high, low = (leading[:, part] @ np.array([1 << 16, 1 << 8, 1], np.uint64) for part in _HALVES)
    # As digest * shards // 2^48 of its first six bytes, in numbers of 64 bits.
    own = (high * config.shards + (low * config.shards >> 24)) >> 24
    shards, spec = max(1, config.shards), as_local(config.dataset)
    if is_pattern(spec):
        spans, root = dict[str, int](), _root(dataset)
        for folder in find_spans(spec, config.spans):
            spans.setdefault(name_of(folder.relative_to(root_of(spec)).parts[0]), len(spans))
        numbers = (spans.get(_name(file, root).partition("/")[0], 0) for file in split.files)
        own = own + np.fromiter(numbers, np.uint64, split.size) * config.shards
        shards = max(1, len(spans)) * config.shards
    order = np.argsort(own, kind="stable")
    return np.split(order, np.searchsorted(own[order], np.arange(1, shards, dtype=np.uint64)))


def write_folder_shard(task: FolderShard) -> str:
    """Writes a shard unless it is there; returns its digest."""
    task.piece.once(task.target, lambda: write_shard(task.target, _read_files(task)))
    return file_digest(task.target)


def _read_files(task: FolderShard) -> Iterator[Example]:
    import tensorflow as tf

    from nst_keras.ops.fitting import fit_pixels
    from nst_keras.pictures.images import decode_image

    height, width, channels = task.image_shape
    for file, digest, name, label in _read_rows(task.rows):
        data = file.read()
        if hashlib.sha256(data).hexdigest() != digest:
            raise InputError(f"{file}: changed after it was looked at; run again, while nobody changes it")
        if is_sound(data, task.image_shape):
            yield Example(name, data, label)
            continue
        pixels = decode_image(data, str(file))[..., :channels].astype(np.uint8)
        if pixels.shape[:2] != (height, width):
            pixels = fit_pixels(tf.constant(pixels), height, width).numpy()
        yield Example(name, encode_picture(pixels), label)


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
    name = source if is_remote(source) else str(Path(source).resolve())
    if is_table(source):
        return Outside(name, lambda: _table_files(source))
    if is_archive(source) and not os.path.isdir(source):
        # By its pictures: whoever looks at these needn't read all of it once more.
        return Outside(name, lambda: _members(source), lambda: state_anywhere(source))
    if not is_remote(source):
        return Path(source)
    return Outside(source, lambda: ((name, f"{source.rstrip('/')}/{name}") for name in list_remote(source)))


class _Member(PictureFile):
    """A picture in an archive; one that can't be read is known by the reason, and is left out later."""

    __slots__ = ()

    def read(self) -> bytes:
        try:
            return super().read()
        except InputError as error:
            return str(error).encode()


def _members(archive: str) -> Iterator[tuple[str, PictureFile]]:
    for part, classes in list_pictures([archive]).parts.items():
        for name, files in classes.items():
            for file in files:
                yield f"{part}/{name}/{file.name}", _Member(file.root, file.name, file.inside)


def _table_files(table: str) -> Iterator[tuple[str, str | PictureFile]]:
    """The table and all pictures that it names and that are there."""
    yield "", table
    parts = list_pictures([table]).parts
    for file in (file for classes in parts.values() for files in classes.values() for file in files):
        if is_remote(str(file)) or os.path.isfile(str(file)):
            yield file.name, file


ExampleGen = Stage(generate_examples, "ExampleGen", reads=_reads, scan=scan, hands_out=True)
