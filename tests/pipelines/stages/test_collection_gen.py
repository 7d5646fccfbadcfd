"""CollectionGen: photos and paintings of any kind and size."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nst_keras.errors import InputError
from nst_keras.pictures.images import read_image, write_image
from nst_keras.pictures.samples import CONTENTS
from pipelines.engine.stage import Context, Stopped
from pipelines.examples.files import read_info, read_pictures, read_shard, shard_paths
from pipelines.kinds import Examples
from pipelines.stages.collection_gen import CollectionGen, CollectionGenConfig, generate_collection


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    ramp = np.linspace(0, 255, 30 * 40 * 3).reshape(30, 40, 3)
    write_image(folder / "a.jpg", ramp)
    write_image(folder / "more" / "a.png", ramp[:20])
    write_image(folder / "large.png", np.tile(ramp, (4, 4, 1)))
    (folder / "empty.png").write_bytes(b"")
    turned = Image.fromarray(ramp.astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # must be turned a quarter to the right
    turned.save(folder / "turned.jpg", exif=exif)
    turned.save(folder / "plain.jpg")
    return folder


def _names(examples: Examples, split: str) -> list[str]:
    return [one.name for path in shard_paths(examples, split) for one in read_shard(path)]


def test_a_folder(photos: Path, new: Callable[..., Any], tmp_path: Path) -> None:
    said: list[str] = []
    examples = new(Examples)
    config = CollectionGenConfig(photos=str(photos), longest_side=100, shards=2)
    found = generate_collection(config, Context(tmp_path / "scratch", say=said.append), examples=examples)
    assert found == {"photos": 5, "left_out": 1}
    assert [line for line in said if "empty.png" in line]
    assert read_info(examples).image_shape is None
    assert _names(examples, "photos") == ["a", "large", "a-2", "plain", "turned"]
    pictures = dict(read_pictures(examples, "photos"))
    assert pictures["large"].shape == (75, 100, 3), "made smaller"
    assert pictures["turned"].shape == (40, 30, 3), "upright"
    assert np.abs(pictures["a"] - read_image(photos / "a.jpg")).max() <= 4
    np.testing.assert_array_equal(pictures["a-2"], read_image(photos / "more" / "a.png"))
    stored = {one.name: one for path in shard_paths(examples, "photos") for one in read_shard(path)}
    assert stored["plain"].encoded == (photos / "plain.jpg").read_bytes(), "nothing is lost"
    assert stored["plain"].label is None
    with Image.open(io.BytesIO(stored["turned"].encoded)) as image:
        assert image.getexif().get(0x0112, 1) == 1, "or readers would turn it twice"
    assert CollectionGen.reads(config) == [photos]


def test_samples_and_named_paintings(photos: Path, new: Callable[..., Any], tmp_path: Path) -> None:
    examples = new(Examples)
    config = CollectionGenConfig(paintings=f"{photos / 'a.jpg'}, sample:ink", longest_side=64)
    found = generate_collection(config, Context(tmp_path / "scratch"), examples=examples)
    assert found == {"photos": 2, "paintings": 2, "left_out": 0}
    assert _names(examples, "photos") == list(CONTENTS)
    assert _names(examples, "paintings") == ["a", "ink"]
    assert CollectionGen.reads(config) == [photos / "a.jpg"]


def test_most_photos(photos: Path, new: Callable[..., Any], tmp_path: Path) -> None:
    examples = new(Examples)
    config = CollectionGenConfig(photos=str(photos), most_photos=1)
    assert generate_collection(config, Context(tmp_path / "s"), examples=examples)["photos"] == 1


def test_goes_on_after_a_stop(photos: Path, new: Callable[..., Any], tmp_path: Path) -> None:
    config = CollectionGenConfig(photos=str(photos), shards=3)
    whole, again = new(Examples, "whole"), new(Examples, "again")
    expected = generate_collection(config, Context(tmp_path / "a"), examples=whole)
    with pytest.raises(Stopped):
        generate_collection(config, Context(tmp_path / "b", should_stop=lambda: True), examples=again)
    # Killed between a shard and its list of what was left out.
    (tmp_path / "b" / "photos-00001-of-00003.tfrecord").write_bytes(b"")
    assert generate_collection(config, Context(tmp_path / "b"), examples=again) == expected
    for path in whole.path.iterdir():
        assert path.read_bytes() == (again.path / path.name).read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"photos": "nowhere"}, "photos must be a folder or samples. Received: photos=nowhere"),
        ({"photos": "", "paintings": "no_file.png"}, "no_file.png: does not exist"),
        ({"photos": "", "paintings": "sample:nothing"}, "sample must be one of"),
    ],
)
def test_mistakes(options: dict, message: str, new: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        generate_collection(CollectionGenConfig(**options), Context(tmp_path / "s"), examples=new(Examples))


def test_nothing_readable(new: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "bad.png").write_bytes(b"bad")
    with pytest.raises(InputError, match=r"photos: must hold a picture, but none can be read: .*bad\.png"):
        generate_collection(
            CollectionGenConfig(photos=str(tmp_path / "photos")),
            Context(tmp_path / "s"),
            examples=new(Examples),
        )
    with pytest.raises(InputError, match="photos or paintings must name pictures"):
        CollectionGenConfig(photos="")
