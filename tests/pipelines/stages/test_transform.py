"""Transform: pictures of one size, and a graph for serving that gives the very same pixels."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nst_keras.errors import InputError
from nst_keras.pictures.images import encode_image
from nst_keras.pictures.samples import read_sample
from pipelines.engine.stage import Context, Stopped
from pipelines.examples.files import (
    Example,
    ExampleInfo,
    decode_picture,
    encode_picture,
    read_dataset,
    read_info,
    read_shard,
    shard_name,
    shard_paths,
    write_info,
    write_shard,
)
from pipelines.kinds import Examples, Schema, TransformGraph
from pipelines.stages.transform import TransformConfig, transform

SCHEMA = 'feature { name: "label" type: BYTES string_domain { value: ["photo", "gray"] } }'


@pytest.fixture
def schema(new: Callable[..., Any]) -> Schema:
    found = new(Schema)
    (found.path / "schema.pbtxt").write_text(SCHEMA)
    return found


@pytest.fixture
def mixed(tmp_path: Path) -> Examples:
    """JPEG and PNG, gray and RGB, of several sizes."""
    (tmp_path / "mixed").mkdir()
    china = read_sample("china")
    found = [
        Example("jpeg", encode_image(china[:200, :300], ".jpg"), 0),
        Example("png", encode_picture(china[100:190, 40:90].astype(np.uint8)), 0),
        Example("gray", encode_picture(china[:9, :7, :1].astype(np.uint8)), 1),
        Example("fits", encode_picture(china[:16, :16].astype(np.uint8)), 0),
    ]
    counts = {}
    for split in ("train", "validation", "test"):
        parts = found[:3], found[3:]
        counts[split] = tuple(
            write_shard(tmp_path / "mixed" / shard_name(split, n, 2), part) for n, part in enumerate(parts)
        )
    write_info(tmp_path / "mixed", ExampleInfo("mixed", ("photo", "gray"), None, counts))
    return Examples(tmp_path / "mixed")


@pytest.fixture
def run(schema: Schema, new: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    def run(examples: Examples, name: str = "a", context: Context | None = None, **options: int) -> Any:
        transformed, graph = new(Examples, f"{name}_examples"), new(TransformGraph, f"{name}_graph")
        result = transform(
            TransformConfig(**options),
            context or Context(tmp_path / f"{name}_scratch"),
            examples=examples,
            schema=schema,
            transformed_examples=transformed,
            transform_graph=graph,
        )
        return result, transformed, graph

    return run


@pytest.mark.parametrize("channels", [1, 3])
def test_the_graph_gives_the_same_pixels(mixed: Examples, run: Callable, channels: int) -> None:
    found, transformed, graph = run(mixed, image_size=16, channels=channels)
    assert found == {"height": 16, "width": 16, "channels": channels, "examples": 12}
    before = [one for path in shard_paths(mixed, "train") for one in read_shard(path)]
    after = [one for path in shard_paths(transformed, "train") for one in read_shard(path)]
    assert [(one.name, one.label) for one in before] == [(one.name, one.label) for one in after]
    signature = tf.saved_model.load(graph.path).signatures["transform"]
    answer = signature(image_bytes=tf.constant([one.encoded for one in before]))["image"]
    assert (answer.dtype, answer.shape) == (tf.uint8, (4, 16, 16, channels))
    np.testing.assert_array_equal(answer, [decode_picture(one.encoded) for one in after])
    dataset = read_dataset(transformed)
    np.testing.assert_array_equal(answer, dataset.splits["test"].arrays()[0])
    if channels == 3:
        np.testing.assert_array_equal(answer[3], decode_picture(before[3].encoded), "it had the size already")


def test_as_they_are(few_digits: Examples, run: Callable, schema: Schema) -> None:
    (schema.path / "schema.pbtxt").write_text('feature { name: "height" type: INT }')
    found, transformed, _ = run(few_digits)
    assert (found["height"], found["channels"]) == (8, 1)
    before, after = read_dataset(few_digits), read_dataset(transformed)
    for split in before.splits:
        for one, other in zip(before.splits[split].arrays(), after.splits[split].arrays(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_any_order_and_after_a_stop(mixed: Examples, run: Callable, tmp_path: Path) -> None:
    def threads(function: Callable, tasks: list) -> Any:
        with ThreadPoolExecutor(3) as pool:
            yield from pool.map(function, tasks)

    def backwards(function: Callable, tasks: list) -> Any:
        return iter([function(task) for task in tasks[::-1]][::-1])

    _, whole, _ = run(mixed, "whole", image_size=16, channels=3)
    with pytest.raises(Stopped):
        stopping = Context(tmp_path / "half", should_stop=lambda: True)
        run(mixed, "stopped", stopping, image_size=16, channels=3)
    (tmp_path / "half" / "transform_graph").mkdir()  # killed while it was written
    contexts = {
        "half": Context(tmp_path / "half"),
        "threads": Context(tmp_path / "t", map=threads),
        "backwards": Context(tmp_path / "b", map=backwards),
    }
    for name, context in contexts.items():
        _, other, graph = run(mixed, name, context, image_size=16, channels=3)
        assert (graph.path / "saved_model.pb").is_file()
        for path in whole.path.iterdir():
            assert path.read_bytes() == (other.path / path.name).read_bytes()
    assert read_info(whole).image_shape == (16, 16, 3)


def test_mistakes(mixed: Examples, run: Callable, schema: Schema) -> None:
    with pytest.raises(InputError, match=r"several sizes: .*Received: image_size=16, channels=0"):
        run(mixed, "a", image_size=16)
    with pytest.raises(InputError, match="channels must be 0, 1 or 3"):
        TransformConfig(channels=2)
    shard = shard_paths(mixed, "test")[1]
    write_shard(shard, [Example("bad", b"no picture", 0)])
    with pytest.raises(InputError, match=r"test-00001-of-00002\.tfrecord: bad cannot be decoded"):
        run(mixed, "b", image_size=16, channels=3)
    (schema.path / "schema.pbtxt").write_text(SCHEMA.replace("gray", "drawing"))
    with pytest.raises(InputError, match=r"classes must be those of .*: photo, drawing. Received: gray"):
        run(mixed, "c", image_size=16, channels=3)
