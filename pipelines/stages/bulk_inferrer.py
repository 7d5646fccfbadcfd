"""BulkInferrer: a pushed SavedModel over a whole collection; a stylizer paints it, a classifier names it.

A task is one shard, whose answers go into one file. So a hundred million pictures are some ten thousand
files, no worker needs another's, and a shard at which a worker died is done again from its start.
"""

import functools
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nst_keras.errors import InputError
from nst_keras.fields import FROM_ONE, incidental, number, setting
from nst_keras.serving.client.settings import PictureSettings
from nst_keras.serving.extra import require_packages
from nst_keras.storage.files import file_digest, write_whole
from pipelines.engine.memo import Piece
from pipelines.engine.stage import Context, Input, Output, Stage
from pipelines.examples.files import (
    Example,
    ExampleInfo,
    read_info,
    read_shard,
    shard_digests,
    shard_paths,
    write_info,
    write_shard,
)
from pipelines.examples.parts import file_name, iterate_results, keep, portions, read_table, write_table
from pipelines.judging.verdicts import read_pushed
from pipelines.kinds import Examples, InferenceResult, PushedModel

if TYPE_CHECKING:
    from nst_keras.serving.client.local_client import LocalClient
    from nst_keras.serving.client.pictures import PictureModel

_ERRORS = ".errors.csv"
_ERROR_COLUMNS = ("name", "reason")
_ANSWER_COLUMNS = ("name", "class_name", "probability")
_TOGETHER = 32  # pictures in a classifier's request
_SUFFIXES = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg"}


@dataclass(frozen=True)
class BulkInferrerConfig(PictureSettings):
    """What to ask of the model, and of which pictures."""

    splits: str = setting("", "Splits to go through, by commas; empty: all.")
    max_errors: int = number(100, "Pictures that the model may refuse before the stage gives up.")
    parallel: int = incidental(
        number(2, "Requests at once in a worker, so that one is decoded while another is painted.", FROM_ONE)
    )
    write_files: bool = setting(False, "Write painted pictures as files too; for small collections.")


@dataclass(frozen=True)
class InferenceTask:
    """A shard for the SavedModel in a folder, and where the answers go."""

    shard: Path
    model: Path
    folder: Path
    config: BulkInferrerConfig
    piece: Piece


@dataclass(frozen=True)
class InferredShard:
    """What became of a shard: files in the task's folder named like it, and how many pictures are in each.

    The file of answers is a shard of painted pictures or a table of classes; one named `.errors.csv` is a
    table of the pictures that the model refused.
    """

    answers: str  # the file's suffix
    num_answers: int
    num_errors: int


def infer(
    config: BulkInferrerConfig,
    context: Context,
    *,
    examples: Input[Examples],
    model: Input[PushedModel],
    inference_result: Output[InferenceResult],
) -> dict[str, Any]:
    """Asks a model about every picture.

    A stylizer's answers are a set of examples again, with the names and splits of those that it was given;
    a classifier's are a table for each shard (`name`, `class_name`, `probability`), such as
    `photos-00000-of-00004.csv`. `errors.csv` lists the pictures that the model refused and why; if they are
    more than `max_errors`, the stage fails.
    """
    folder, pushed = inference_result.path, read_pushed(model)
    info = read_info(examples)
    splits = [split.strip() for split in config.splits.split(",")] if config.splits else list(info.splits)
    asked = [vars(config.narrowed(PictureSettings)), *map(file_digest, _reads(config))]
    shards, tasks = [], []
    for split in splits:
        for shard, digest in zip(shard_paths(examples, split), shard_digests(examples, split), strict=True):
            piece = context.piece(infer_shard, [pushed.name, pushed.digest, *asked, digest])
            shards.append((split, shard))
            tasks.append(InferenceTask(shard, Path(pushed.path), context.scratch, config, piece))
    done = _run(config, context, tasks)
    answers = [shard.stem + part.answers for (_, shard), part in zip(shards, done, strict=True)]
    for name in answers:
        keep(name, context.scratch, folder)
    errors = [row for _, shard in shards for row in read_table(context.scratch / (shard.stem + _ERRORS))]
    write_table(folder / "errors.csv", _ERROR_COLUMNS, errors)
    counts: dict[str, tuple[int, ...]] = dict.fromkeys(splits, ())
    for (split, _), part in zip(shards, done, strict=True):
        counts[split] += (part.num_answers,)
    if all(name.endswith(".tfrecord") for name in answers):
        write_info(folder, ExampleInfo(info.name, (), None, counts))
        if config.write_files:
            (folder / "pictures").mkdir()
            for example in chain.from_iterable(read_shard(folder / name) for name in answers):
                suffix = next(end for start, end in _SUFFIXES.items() if example.encoded.startswith(start))
                write_whole(folder / "pictures" / (file_name(example.name) + suffix), example.encoded)
    return {"pictures": sum(map(sum, counts.values())), "errors": len(errors), "shards": len(done)}


def _run(config: BulkInferrerConfig, context: Context, tasks: list[InferenceTask]) -> list[InferredShard]:
    done: list[InferredShard] = []
    answers = errors = 0
    for part in iterate_results(context, infer_shard, tasks, "shard"):
        done.append(part)
        answers, errors = answers + part.num_answers, errors + part.num_errors
        context.show(f"shard {len(done)}/{len(tasks)}  {answers} pictures  {errors} errors")
        nothing = len(done) == len(tasks) and not answers
        if errors and (nothing or errors > config.max_errors):
            first = next(task for task, part in zip(tasks, done, strict=False) if part.num_errors)
            table = read_table(context.scratch / (first.shard.stem + _ERRORS))
            raise _refused(table, errors, config.max_errors)
    return done


def _refused(errors: list[dict[str, str]], count: int, most: int) -> InputError:
    first = errors[0]
    return InputError(
        f"max_errors: the model may refuse at most {most} pictures, and not all. Received: {count} at least, "
        f"the first {first['name']}: {first['reason']}"
    )


def infer_shard(task: InferenceTask) -> InferredShard:
    """Goes through a shard, unless it is done already."""
    summary = task.folder / f"{task.shard.stem}.json"
    task.folder.mkdir(parents=True, exist_ok=True)
    task.piece.once(summary, lambda: write_whole(summary, json.dumps(vars(_go_through(task))).encode()))
    return InferredShard(**json.loads(summary.read_text()))


def _go_through(task: InferenceTask) -> InferredShard:
    stem, refused = task.shard.stem, list[dict[str, str]]()
    model = load(task.model, task.config.narrowed(PictureSettings))
    answers = _answers(task, model, refused)
    if model.is_classifier:
        suffix = ".csv"
        rows = [
            {"name": picture, "class_name": answer.class_name, "probability": f"{answer.probability:.6f}"}
            for picture, answer in answers
        ]
        write_table(task.folder / (stem + suffix), _ANSWER_COLUMNS, rows)
        count = len(rows)
    else:
        suffix = task.shard.suffix
        count = write_shard(
            task.folder / (stem + suffix), (Example(picture, data, None) for picture, data in answers)
        )
    write_table(task.folder / (stem + _ERRORS), _ERROR_COLUMNS, refused)
    return InferredShard(suffix, count, len(refused))


def _answers(
    task: InferenceTask, model: "PictureModel", refused: list[dict[str, str]]
) -> Iterator[tuple[str, Any]]:
    """Names and answers, in the shard's order; those that were refused go to the list."""
    parallel, most = task.config.parallel, task.config.max_errors
    together = _TOGETHER if model.is_classifier else 1

    def ask(pictures: Sequence[bytes]) -> list[Any]:
        try:
            return model.classify_all(pictures) if model.is_classifier else [*map(model.paint, pictures)]
        except InputError as error:
            half = len(pictures) // 2  # it may be one picture that is refused, or that there are so many
            return ask(pictures[:half]) + ask(pictures[half:]) if half else [error]

    with ThreadPoolExecutor(parallel) as pool:
        # A few at a time, since a shard needn't fit into memory.
        for few in portions(read_shard(task.shard), 4 * parallel * together):
            asked = portions((example.encoded for example in few), together)
            for example, answer in zip(few, chain.from_iterable(pool.map(ask, asked)), strict=True):
                if not isinstance(answer, InputError):
                    yield example.name, answer
                    continue
                refused.append({"name": example.name, "reason": str(answer)})
                if len(refused) > most:
                    raise _refused(refused, len(refused), most)


@functools.lru_cache(maxsize=1)
def load(folder: Path, settings: PictureSettings) -> "PictureModel":
    """A model that answers as the settings say, made once for all shards that a process goes through."""
    require_packages()
    from nst_keras.serving.client.pictures import PictureModel
    from nst_keras.serving.protocol.model_spec import ModelSpec

    return PictureModel(_client(folder), ModelSpec(folder.parent.name), settings)


@functools.lru_cache(maxsize=1)
def _client(folder: Path) -> "LocalClient":
    """A SavedModel in memory; loading it takes seconds."""
    from nst_keras.serving.client.local_client import LocalClient

    return LocalClient(folder)


def _reads(config: BulkInferrerConfig) -> list[Path]:
    """Models that take a painting with each picture read it."""
    return [Path(config.style_image)] if config.style_image else []


BulkInferrer = Stage(infer, "BulkInferrer", reads=_reads, hands_out=True)
