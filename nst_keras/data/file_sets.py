"""Labelled pictures in files, looked at and cut into splits.

TensorFlow isn't needed here, and of each picture some hundred bytes are held: there may be millions of them.
"""

import hashlib
import itertools
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from nst_keras.data.load_options import LoadOptions, SkippedFile
from nst_keras.data.perceptual_hash import HASH, coarse_look, low_frequencies, perceptual_hash
from nst_keras.data.settings import APPEARANCE, LASTING, TRAIN
from nst_keras.data.sources.columns import OnDemand, PictureFiles
from nst_keras.data.sources.listing import is_file_source, list_pictures
from nst_keras.data.sources.picture_files import PictureFile
from nst_keras.data.spans import find_spans, is_pattern, root_of
from nst_keras.data.splits import DIGEST, SplitPlan, cut_by, describe_lent, plan_splits
from nst_keras.errors import InputError
from nst_keras.ops.fitting import choose_size
from nst_keras.pictures.images import decode_image
from nst_keras.storage.folders import each_once
from nst_keras.storage.remote import as_local, is_remote

T = TypeVar("T")

_LISTED = 5
_PORTION = 256  # pictures that are looked at in one go

# What was seen of a picture: SHA-256 of the file in hex, height, width, whether it is gray, and, by who
# looked closely, its perceptual hash; or why it can't be read. Plain values, for JSON and other processes.
Seen = list[Any] | str
Run = Callable[[Callable[[Any], Any], OnDemand[tuple[PictureFile, ...]]], Iterable[Any]]
_PLAIN = 4  # values without a perceptual hash
Look = Callable[..., list[Seen]]
Keep = Callable[[PictureFile, bytes, str], None]  # with the SHA-256 in hex


@dataclass(frozen=True)
class _Pictures:
    """Readable pictures of a part, in the order of their content's hash; columns, for millions of them."""

    files: PictureFiles
    labels: np.ndarray  # int64 [n]
    digests: np.ndarray  # SHA-256 of the files, V32 [n]
    sizes: np.ndarray  # height and width, int32 [n, 2]
    gray: bool  # whether all are
    hashes: np.ndarray  # perceptual ones, if they were wanted, [n]


def _keep_nothing(file: PictureFile, data: bytes, sha256: str) -> None:
    pass


def look_at(files: Sequence[PictureFile], keep: Keep = _keep_nothing) -> list[Seen]:
    """Reads and decodes pictures, each once, and gives what it read of each to `keep`."""
    return [_look_at(file, keep) for file in files]


def look_closely(files: Sequence[PictureFile], keep: Keep = _keep_nothing) -> list[Seen]:
    """The same with perceptual hashes."""
    return [_look_at(file, keep, closely=True) for file in files]


def suffices(seen: Seen | None, look: Look) -> bool:
    """Whether what was seen of a picture in an earlier run is what `look` would see."""
    return seen is not None and (look is look_at or isinstance(seen, str) or len(seen) > _PLAIN)


def in_threads(function: Callable[[Any], T], tasks: Iterable[Any]) -> Iterator[T]:
    """Runs a function over tasks on all cores of this process; gives the results in their order."""
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        waiting = deque[Future[T]]()
        for task in tasks:
            waiting.append(pool.submit(function, task))
            if len(waiting) > 2 * cores:  # never all at once
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@dataclass(frozen=True)
class FileSplit:
    """The pictures of a split, in their order."""

    files: PictureFiles
    labels: np.ndarray  # int64 [n]
    digests: np.ndarray  # SHA-256 of the files, V32 [n]

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.labels)


@dataclass(frozen=True)
class FileSet:
    """A data set of files that was looked at and cut; `ImageDataset` says what most of it means."""

    name: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    splits: Mapping[str, FileSplit]
    fingerprint: str
    split_by: str
    skipped: tuple[SkippedFile, ...]


@dataclass(frozen=True)
class Source:
    """Where a set of files is: one source, or several of them, spans, below a folder."""

    root: str
    spans: tuple[str, ...] = ()


def find_source(spec: str, spans: int, note: Callable[[str], None]) -> Source | None:
    """Where the files are that `load_dataset` takes a spec for; None if it is a name."""
    spec = as_local(spec)
    by_path = spec.startswith(("/", "./", "../", "~")) or spec in (".", "..")
    by_path = by_path or is_remote(spec) or is_file_source(spec)
    if is_pattern(spec):
        found, root = find_spans(spec, spans), root_of(spec)
        note(f"spans: {', '.join(str(span.relative_to(root)) for span in found)}")
        return Source(str(root), tuple(map(str, found)))
    named = not by_path and _is_known(spec)
    if named and Path(spec).is_dir():
        note(f"{spec} is the data set of that name; the folder would be ./{spec}")
    if by_path or (spec and not named and Path(spec).is_dir()):
        return Source(spec if is_remote(spec) else str(Path(spec).expanduser()))
    return None


def _is_known(spec: str) -> bool:
    from nst_keras.data.tfds_preparation import is_known

    return is_known(spec)


def read_file_set(source: Source, options: LoadOptions, *, strict: bool, run: Run = in_threads) -> FileSet:
    """Looks at all pictures of a source of files, each once, and cuts it; opens none for training.

    A picture that a class has by several links counts once. Every picture is decoded once to find those that
    are damaged. If all are gray, the set has one channel, else three. Examples come in the order of their
    content's hash: mixed, and the same everywhere. `run` runs a function, `look_at` or `look_closely`, over
    tasks, both picklable, and gives the results in the tasks' order.
    """
    root, rule = source.root, options.rule(grows=True)
    look = look_closely if rule.by == APPEARANCE else look_at
    pictures, class_names, skipped = _scan(source.spans or [root], options.note, run, look)
    if skipped:
        _report_skipped(root, skipped, strict, options.note)
    train = pictures[TRAIN]
    contents = coarse_look(train.hashes) if rule.by == APPEARANCE else train.digests
    _require_enough(root, pictures, class_names, contents if rule.by in LASTING else None)
    labels = {part: listed.labels for part, listed in pictures.items()}
    plans = plan_splits(labels, rule, contents)
    if lent := describe_lent(plans):
        options.note(lent)
    sizes = np.concatenate([listed.sizes for listed in pictures.values()])
    size = options.image_size or choose_size(sizes, options.note)
    shape = (*size, 1 if all(listed.gray for listed in pictures.values()) else 3)
    return FileSet(
        name=root,
        class_names=class_names,
        image_shape=shape,
        splits={name: _split(plan, pictures[plan.part]) for name, plan in plans.items()},
        fingerprint=_fingerprint(pictures, class_names, [*rule.identity(plans), *shape]),
        split_by=cut_by(rule, plans),
        skipped=tuple(skipped),
    )


@dataclass(frozen=True)
class _Listed:
    """All pictures of a source, one part and class after the other, and how many each has."""

    files: PictureFiles
    parts: tuple[str, ...]
    class_names: tuple[str, ...]
    runs: np.ndarray  # number of the part, label and count, int64 [runs, 3]
    refused: list[SkippedFile]


def _list(sources: Sequence[str]) -> _Listed:
    listing = list_pictures(sources)
    files, runs, class_names = PictureFiles(), list[tuple[int, int, int]](), tuple(listing.parts[TRAIN])
    for number, classes in enumerate(listing.parts.values()):
        for label, name in enumerate(class_names):
            before = len(files)
            files.extend(each_once(classes.pop(name, ())))  # names are there once
            runs.append((number, label, len(files) - before))
    refused = [SkippedFile(*pair) for pair in listing.refused]
    return _Listed(files, tuple(listing.parts), class_names, np.array(runs, np.int64), refused)


def _scan(
    sources: Sequence[str], note: Callable[[str], None], run: Run = in_threads, look: Look = look_at
) -> tuple[dict[str, _Pictures], tuple[str, ...], list[SkippedFile]]:
    """Readable pictures by part, the classes' names, and what can't be read."""
    listed = _list(sources)
    files, runs, skipped = listed.files, listed.runs, listed.refused
    note(f"reading {len(files)} pictures ...")

    def portion(number: int) -> tuple[PictureFile, ...]:
        rows = range(number * _PORTION, min(len(files), (number + 1) * _PORTION))
        return tuple(map(files.__getitem__, rows))

    portions = OnDemand(-(-len(files) // _PORTION), portion)
    digests, readable = np.zeros(len(files), DIGEST), np.zeros(len(files), bool)
    sizes, gray = np.zeros((len(files), 2), np.int32), np.ones(len(files), bool)
    hashes = np.zeros(len(files) if look is look_closely else 0, HASH)
    for index, found in enumerate(itertools.chain.from_iterable(run(look, portions))):
        if isinstance(found, str):
            skipped.append(SkippedFile(str(files[index]), found))
        else:
            sha256, *sizes[index], gray[index] = found[:_PLAIN]
            if len(hashes):
                hashes[index] = found[_PLAIN]
            digests[index], readable[index] = bytes.fromhex(sha256), True
    numbers, labels = np.repeat(runs[:, 0], runs[:, 2]), np.repeat(runs[:, 1], runs[:, 2])
    pictures = {}
    for number, part in enumerate(listed.parts):
        chosen = np.flatnonzero((numbers == number) & readable)
        chosen = chosen[_order(chosen, digests, labels, files)]
        every_gray = bool(gray[chosen].all())
        columns = labels[chosen], digests[chosen], sizes[chosen]
        own_hashes = hashes[chosen] if len(hashes) else hashes
        pictures[part] = _Pictures(files.picked(chosen), *columns, every_gray, own_hashes)
    return pictures, listed.class_names, skipped


def _order(chosen: np.ndarray, digests: np.ndarray, labels: np.ndarray, files: PictureFiles) -> np.ndarray:
    """How to sort by content's hash and label; of equal ones by the file's name without folders."""
    order = np.lexsort((labels[chosen], digests[chosen]))
    differs = np.append(_differs(digests, labels, chosen[order]), True)
    for start in np.flatnonzero(differs[:-1] & ~differs[1:]).tolist():
        end = start + 1 + int(np.argmax(differs[start + 1 :]))
        names = [os.path.basename(files[index].name) for index in chosen[order[start:end]]]
        order[start:end] = order[start:end][np.argsort(np.array(names, object), kind="stable")]
    return order


def _differs(digests: np.ndarray, labels: np.ndarray, order: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Whether each of sorted pictures differs from the one before it, bool [n]."""
    differs = np.zeros(len(labels[order]), bool)
    differs[:1] = True
    words = digests.view(np.uint64).reshape(-1, 4).T if digests.dtype == DIGEST else [digests]
    for column in (labels, *words):  # one after the other, for memory
        own = column[order]
        differs[1:] |= own[1:] != own[:-1]
    return differs


def _look_at(file: PictureFile, keep: Keep, *, closely: bool = False) -> Seen:
    try:
        data = file.read()
        sha256 = hashlib.sha256(data).hexdigest()
        keep(file, data, sha256)
        pixels = decode_image(data, str(file))
    except InputError as error:
        return str(error)
    gray = bool((pixels == pixels[..., :1]).all())
    seen = [sha256, *pixels.shape[:2], gray]
    return [*seen, int(perceptual_hash(low_frequencies(pixels)))] if closely else seen


def _report_skipped(
    root: str, skipped: Sequence[SkippedFile], strict: bool, note: Callable[[str], None]
) -> None:
    reasons = "; ".join(file.reason for file in skipped[:_LISTED])
    more = f"; and {len(skipped) - _LISTED} more" if len(skipped) > _LISTED else ""
    if strict:
        raise InputError(f"{root}: all pictures must be readable. Received: {reasons}{more}")
    note(f"pictures left out: {len(skipped)}: {reasons}{more}")


def _require_enough(
    root: str, pictures: Mapping[str, _Pictures], class_names: Sequence[str], contents: np.ndarray | None
) -> None:
    """Checks that each class can give a picture to each split that is cut from the training pictures.

    Where doubles, with equal `contents`, lie on one side, it needs different ones.
    """
    cut, different = max(0, 3 - len(pictures)), contents is not None
    labels = pictures[TRAIN].labels
    if contents is not None:
        if contents is not pictures[TRAIN].digests:  # by which they are sorted
            order = np.lexsort((labels, contents))
            labels, contents = labels[order], contents[order]
        labels = labels[_differs(contents, labels)]
    counts = np.bincount(labels, minlength=len(class_names))
    for name, count in zip(class_names, counts, strict=True):
        if count < 1 + cut:
            kinds = ("train", "train and validation", "train, validation and test")[cut]
            least = f"at least {1 + cut} {'different ' * different}readable pictures for {kinds}"
            raise InputError(f"{root}: class {name} must have {least}. Received: {count}")
    for part, listed in pictures.items():
        if not len(listed.labels):
            raise InputError(f"{root}/{part}: must hold readable pictures. Received: 0")


def _split(plan: SplitPlan, pictures: _Pictures) -> FileSplit:
    indices = plan.indices
    return FileSplit(pictures.files.picked(indices), pictures.labels[indices], pictures.digests[indices])


def _fingerprint(
    pictures: Mapping[str, _Pictures], class_names: Sequence[str], rule: Sequence[object]
) -> str:
    """SHA-256 over JSON: rule, classes, and for each part a list of pairs of SHA-256 and label."""
    digest = hashlib.sha256(f"{json.dumps([*rule, class_names])[:-1]}, [".encode())
    for number, part in enumerate(sorted(pictures)):
        digest.update(f"{', ' * (number > 0)}[{json.dumps(part)}, [".encode())
        listed = pictures[part]
        for start in range(0, len(listed.labels), _PORTION):
            both = zip(listed.digests[start:][:_PORTION], listed.labels[start:][:_PORTION], strict=True)
            text = ", ".join(f'["{sha256.tobytes().hex()}", {label}]' for sha256, label in both)
            digest.update(f"{', ' * (start > 0)}{text}".encode())
        digest.update(b"]]")
    digest.update(b"]]")
    return digest.hexdigest()
