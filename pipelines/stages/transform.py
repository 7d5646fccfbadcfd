"""Transform: pictures of one size and one number of channels, and the same as a graph for serving."""

import dataclasses
import functools
import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nst_keras.errors import InputError
from nst_keras.fields import Settings, number
from nst_keras.storage.files import file_digest, link_or_copy
from nst_keras.storage.folders import replacing_folder
from pipelines.engine.memo import Piece
from pipelines.engine.stage import Context, Input, Output, Stage
from pipelines.examples.files import (
    Example,
    ExampleInfo,
    encode_picture,
    first_line,
    read_info,
    read_shard,
    shard_digests,
    shard_paths,
    write_info,
    write_shard,
)
from pipelines.examples.parts import keep, run_tasks
from pipelines.examples.plain_pngs import is_plain
from pipelines.kinds import Examples, Schema, TransformGraph

if TYPE_CHECKING:
    from pipelines.examples.transform_graph import PictureTransform


@dataclass(frozen=True)
class TransformConfig(Settings):
    """What pictures become."""

    image_size: int = number(0, "Height and width, in pixels; 0: as they are, if all have one size.")
    channels: int = number(0, "1: gray, 3: RGB; 0: as they are.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels not in (0, 1, 3):
            raise InputError(f"channels must be 0, 1 or 3. Received: channels={self.channels}")


@dataclass(frozen=True)
class TransformShard:
    """A shard to be transformed, and where the result goes."""

    source: Path
    target: Path
    image_shape: tuple[int, int, int]
    piece: Piece


@dataclass(frozen=True)
class GraphTask:
    """Where the transformation is to be written, and to what it transforms."""

    target: Path
    image_shape: tuple[int, int, int]


def transform(
    config: TransformConfig,
    context: Context,
    *,
    examples: Input[Examples],
    schema: Input[Schema],
    transformed_examples: Output[Examples],
    transform_graph: Output[TransformGraph],
) -> dict[str, Any]:
    """Cuts and resizes every picture, shard by shard; the graph is a SavedModel that does the same."""
    info = read_info(examples)
    _check_classes(info, schema, examples)
    shape = _choose_shape(config, info, examples)
    sources = {
        path: digest
        for split in info.splits
        for path, digest in zip(shard_paths(examples, split), shard_digests(examples, split), strict=True)
    }
    tasks = [
        TransformShard(
            path, context.scratch / path.name, shape, context.piece(transform_shard, [shape, digest])
        )
        for path, digest in sources.items()
    ]
    found = iter(run_tasks(context, transform_shard, tasks, "transforming: shard"))
    digests = {split: tuple(itertools.islice(found, len(counts))) for split, counts in info.splits.items()}
    for task in tasks:
        keep(task.target.name, context.scratch, transformed_examples.path)
    graph = context.scratch / "transform_graph"
    shutil.rmtree(graph, ignore_errors=True)  # what a killed run left
    run_tasks(context, write_graph, [GraphTask(graph, shape)], "writing the transformation: part")
    for path in sorted(graph.iterdir()):
        shutil.move(path, transform_graph.path / path.name)
    write_info(transformed_examples.path, dataclasses.replace(info, image_shape=shape, digests=digests))
    height, width, channels = shape
    total = sum(map(sum, info.splits.values()))
    return {"height": height, "width": width, "channels": channels, "examples": total}


def write_graph(task: GraphTask) -> None:
    """Writes the SavedModel."""
    with replacing_folder(task.target) as folder:
        _picture_transform(task.image_shape).write(folder)


def transform_shard(task: TransformShard) -> str:
    """Transforms a shard unless that is done; returns the result's digest."""
    task.piece.once(task.target, functools.partial(_transform, task))
    return file_digest(task.target)


def _transform(task: TransformShard) -> None:
    import tensorflow as tf

    shape = task.image_shape
    if all(is_plain(example.encoded, shape) for example in read_shard(task.source)):
        link_or_copy(task.source, task.target)
        return
    change = _picture_transform(shape)

    def read() -> Iterator[Example]:
        for example in read_shard(task.source):
            if is_plain(example.encoded, shape):
                yield example
                continue
            try:
                pixels = change(tf.constant([example.encoded]))[0].numpy()
            except tf.errors.OpError as error:
                raise InputError(
                    f"{task.source}: {example.name} cannot be decoded: {first_line(error)}"
                ) from error
            yield Example(example.name, encode_picture(pixels), example.label)

    write_shard(task.target, read())


@functools.lru_cache(maxsize=1)
def _picture_transform(shape: tuple[int, int, int]) -> "PictureTransform":
    """One for all shards of a process, since TensorFlow traces each anew."""
    from pipelines.examples.transform_graph import PictureTransform

    return PictureTransform(*shape)


def _check_classes(info: ExampleInfo, schema: Schema, examples: Examples) -> None:
    from pipelines.statistics.schema import label_names, read_schema

    names = label_names(read_schema(schema))
    unknown = [name for name in info.class_names if names and name not in names]
    if unknown:
        raise InputError(
            f"{examples.path}: classes must be those of {schema.path}: {', '.join(names)}. "
            f"Received: {', '.join(unknown)}"
        )


def _choose_shape(config: TransformConfig, info: ExampleInfo, examples: Examples) -> tuple[int, int, int]:
    size, channels, own = config.image_size, config.channels, info.image_shape
    if own is None and not (size and channels):
        raise InputError(
            f"{examples.path}: pictures have several sizes: image_size and channels must be given. "
            f"Received: image_size={size}, channels={channels}"
        )
    height, width, depth = own or (size, size, channels)
    return size or height, size or width, channels or depth


Transform = Stage(transform, "Transform", hands_out=True)
